"""Channel names and positions of the 10-05 system, for the spellings of amplifiers and files."""

import functools
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from realtime.errors import BadInput

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)

# Names from before 1991 that most clinical amplifiers still write.
OLD_NAMES = {"t3": "t7", "t4": "t8", "t5": "p7", "t6": "p8"}
PREFIX = re.compile(r"^eeg[\s:._-]*")
# Only names of references: `Fp1-F7` is a bipolar derivation, and no electrode of the montage.
REFERENCE = re.compile(r"[\s_/-]+(ref|le|re|ar|av|avg|car|a1|a2|a1a2|a1\+a2|m1|m2|m1m2|m1\+m2)$")


def canonical_name(name: str) -> str | None:
    """The 10-05 spelling of a channel name, or None if it names no 10-05 electrode.

    Case, dots, spaces, an `EEG ` prefix, a reference suffix (`-REF`, `-LE`, `-A1` ...) and the old T3 T4 T5 T6 are
    understood: `EEG FPZ-LE` is `Fpz`, `Fc5.` is `FC5`, `T3` is `T7`. The spelling is that of MNE's `colin27_1005`.
    """
    key = PREFIX.sub("", name.strip(" .").casefold())
    key = re.sub(r"[\s.]", "", REFERENCE.sub("", key))
    key = OLD_NAMES.get(key, key)
    return _spelling().get(key)


def match_channels(names: Sequence[str], ch_names: Sequence[str], where: str = "the recording") -> np.ndarray:
    """Index into `ch_names` of each of `names`: the exact name first, then the same 10-05 electrode.

    Names outside the 10-05 system (`Right AUX`, `MEG 0113`) are compared without case, spaces, dots and underscores.
    `where` names the file or stream in errors. Raises BadInput if a channel is missing, if a name fits two
    channels, or if two names fit one channel.
    """
    if list(names) == list(ch_names) and len(set(ch_names)) == len(ch_names):
        return np.arange(len(ch_names))  # the usual case, in which the montage, and with it MNE, need not be loaded
    exact, loose = _group(ch_names, str), _group(ch_names, _key)
    index, missing = [], []
    for name in names:
        matches = exact.get(name) or loose.get(_key(name), [])
        if len(matches) > 1:
            listing = ", ".join(repr(ch_names[i]) for i in matches)
            raise BadInput(
                f"{where}: channel {name!r} fits {len(matches)} channels ({listing}), where one is needed; "
                "rename or drop the others."
            )
        if matches:
            index.append(matches[0])
        else:
            missing.append(name)
    if missing:
        raise BadInput(
            f"{where}: found no channel {', '.join(map(repr, missing))} among {', '.join(ch_names) or 'none'}; "
            "rename the channels that hold them, or leave them out."
        )
    for i, rows in _group(index, int).items():
        if len(rows) > 1:
            both = " and ".join(repr(names[row]) for row in rows)
            raise BadInput(f"{where}: {both} are the same electrode, {ch_names[i]!r}; ask for it once.")
    return np.array(index, dtype=np.intp)


def rename_channels(ch_names: Sequence[str], rename: Mapping[str, str]) -> list[str]:
    """The names with `rename` (old to new) applied; old names are compared as in `match_channels`."""
    new_names = {_key(old): new for old, new in rename.items()}
    return [new_names.get(_key(name), name) for name in ch_names]


def positions(ch_names: Sequence[str], measured_m: np.ndarray | None = None) -> np.ndarray:
    """Sensor positions, (n_channels, 3) metres in the head frame, NaN where unknown.

    A 10-05 electrode has its place on the template head, whatever the cap. Any other channel, such as a MEG sensor, has
    its place in `measured_m` (n_channels, 3), NaN where unknown.
    """
    template = _template_positions()
    measured = np.full((len(ch_names), 3), np.nan) if measured_m is None else measured_m
    rows = [template.get(canonical_name(name) or "", place) for name, place in zip(ch_names, measured, strict=True)]
    return np.array(rows).reshape(-1, 3)


def _group(items: Sequence[Item], key: Callable[[Item], Key]) -> dict[Key, list[int]]:
    """Indices of the items, by their key."""
    groups: dict[Key, list[int]] = {}
    for i, item in enumerate(items):
        groups.setdefault(key(item), []).append(i)
    return groups


def _key(name: str) -> str:
    return canonical_name(name) or re.sub(r"[\s._]", "", name).casefold()


@functools.cache
def _template_positions() -> dict[str, np.ndarray]:
    import mne

    try:
        montage = mne.channels.make_standard_montage("colin27_1005")
    except ValueError:  # MNE before 1.13 has the same positions under the old name only
        montage = mne.channels.make_standard_montage("standard_1005")
    places: dict[str, np.ndarray] = montage.get_positions()["ch_pos"]
    return places


@functools.cache
def _spelling() -> dict[str, str]:
    return {name.casefold(): name for name in _template_positions()}
