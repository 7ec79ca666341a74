"""Channel names and positions by the 10-05 system, however an amplifier or a file spells them."""

import functools
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from realtime.errors import BadInput

# Names from before 1991 that most clinical amplifiers still write.
OLD_NAMES = {"t3": "t7", "t4": "t8", "t5": "p7", "t6": "p8"}
PREFIX = re.compile(r"^eeg[\s:._-]*")
# Only names of references: `Fp1-F7` is a bipolar derivation, and no electrode of the montage.
REFERENCE = re.compile(r"[\s_/-]+(ref|le|re|ar|av|avg|car|a1|a2|a1a2|a1\+a2|m1|m2|m1m2|m1\+m2)$")


def canonical_name(name: str) -> str | None:
    """The 10-05 spelling of a channel name, or None if it names no 10-05 electrode.

    Case, dots, spaces, an `EEG ` prefix, a reference suffix (`-REF`, `-LE`, `-A1` ...) and the old T3 T4 T5 T6 are seen
    through: `EEG FPZ-LE` is `Fpz`, `Fc5.` is `FC5`, `T3` is `T7`. The spelling is that of MNE's `colin27_1005`.
    """
    key = PREFIX.sub("", name.strip(" .").casefold())
    key = re.sub(r"[\s.]", "", REFERENCE.sub("", key))
    key = OLD_NAMES.get(key, key)
    return _spelling().get(key)


def match_channels(wanted: Sequence[str], found: Sequence[str], where: str = "the recording") -> np.ndarray:
    """Index into `found` of each wanted channel: the exact name first, then the same 10-05 electrode.

    Names outside the 10-05 system (`Right AUX`, `MEG 0113`) are compared without case, spaces, dots and underscores.
    `where` names the file or stream in errors. Raises BadInput if a channel is missing, fits two channels, or if two
    wanted channels would be read from one.
    """
    if list(wanted) == list(found) and len(set(found)) == len(found):
        return np.arange(len(found))  # what a bundle meets on its own amplifier: no montage, so no mne, to load
    exact, loose = _by(found, str), _by(found, _key)
    index, missing = [], []
    for name in wanted:
        at = exact.get(name) or loose.get(_key(name), [])
        if len(at) > 1:
            names = ", ".join(repr(found[i]) for i in at)
            raise BadInput(
                f"{where}: channel {name!r} fits {len(at)} channels ({names}), where one is needed; "
                "rename or drop the others."
            )
        if at:
            index.append(at[0])
        else:
            missing.append(name)
    if missing:
        raise BadInput(
            f"{where}: found no channel {', '.join(map(repr, missing))} among {', '.join(found) or 'none'}; "
            "rename the channels that hold them, or leave them out."
        )
    for at, names in _by(index, int).items():
        if len(names) > 1:
            both = " and ".join(repr(wanted[i]) for i in names)
            raise BadInput(f"{where}: {both} are the same electrode, {found[at]!r}; ask for it once.")
    return np.array(index, dtype=np.intp)


def rename_channels(found: Sequence[str], rename: Mapping[str, str]) -> list[str]:
    """The names with `rename` (old to new) applied; old names are compared as in `match`."""
    new = {_key(name): to for name, to in rename.items()}
    return [new.get(_key(name), name) for name in found]


def positions(ch_names: Sequence[str], measured_m: np.ndarray | None = None) -> np.ndarray:
    """Sensor positions, (n_channels, 3) metres in the head frame, NaN where unknown.

    A 10-05 electrode is where the template head has it, so that every cap of one layout is one place; any other
    channel, such as a MEG sensor, is where `measured_m` (n_channels, 3), NaN where unknown, has it.
    """
    places = _places()
    elsewhere = np.full((len(ch_names), 3), np.nan) if measured_m is None else measured_m
    at = zip(ch_names, elsewhere, strict=True)
    return np.array([places.get(canonical_name(name) or "", other) for name, other in at]).reshape(-1, 3)


def _by(items: Sequence, key: Callable) -> dict:
    """Index of the items under each key."""
    groups: dict = {}
    for i, item in enumerate(items):
        groups.setdefault(key(item), []).append(i)
    return groups


def _key(name: str) -> str:
    return canonical_name(name) or re.sub(r"[\s._]", "", name).casefold()


@functools.cache
def _places() -> dict[str, np.ndarray]:
    import mne

    try:
        montage = mne.channels.make_standard_montage("colin27_1005")
    except ValueError:  # MNE before 1.13 knows the same positions by the old name only
        montage = mne.channels.make_standard_montage("standard_1005")
    return montage.get_positions()["ch_pos"]


@functools.cache
def _spelling() -> dict[str, str]:
    return {name.casefold(): name for name in _places()}
