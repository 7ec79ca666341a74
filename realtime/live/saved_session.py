"""A session between two hops as bytes: what another process needs to go on with the same decisions.

safetensors, whose header says which bundle and when the next sample is due; nothing is unpickled.
"""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from realtime.errors import BadInput
from realtime.state import State
from realtime.stream import Marker

HEADER = "session"
VERSION = 1


@dataclass(frozen=True)
class SavedSession:
    """Where a session stood."""

    bundle: str  # hash of the bundle that decodes
    t_next: float | None  # LSL seconds of the sample expected next; None before the first one
    waiting: tuple[Marker, ...]  # markers that came since the newest samples
    trials: tuple[tuple[int, str], ...]  # sample of onset and marker of the latest trials told
    state: State


def pack(saved: SavedSession) -> bytes:
    """The session as bytes."""
    about = {"version": VERSION, "bundle": saved.bundle, "t_next": saved.t_next, "trials": saved.trials}
    header = json.dumps(about | {"waiting": [asdict(marker) for marker in saved.waiting]}).encode()
    arrays = {key: np.asarray(value, order="C") for key, value in saved.state.items()}
    return save(arrays | {HEADER: np.frombuffer(header, np.uint8)})


def unpack(data: bytes, bundle: str, start: Callable[[int, bool], State]) -> SavedSession:
    """The session in `data`, for a decoder of that bundle hash that starts with `start(tracks, adapt)`.

    Raises BadInput where it was saved by another bundle or is no saved session.
    """
    try:
        arrays = load(data)
        about = json.loads(arrays.pop(HEADER).tobytes())
        if about["version"] != VERSION:
            raise BadInput(
                f"saved session: version is {about['version']}, but {VERSION} is needed; save the session again"
            )
        waiting = tuple(Marker(str(marker["label"]), float(marker["t_lsl"])) for marker in about["waiting"])
        trials = tuple((int(onset), str(marker)) for onset, marker in about["trials"])
        t_next = None if about["t_next"] is None else float(about["t_next"])
        if t_next is not None and not math.isfinite(t_next):
            raise ValueError(f"t_next is {t_next}")
        found = SavedSession(about["bundle"], t_next, waiting, trials, arrays)
    except BadInput:
        raise
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise BadInput(f"saved session: it cannot be read ({error!r}); save the session again") from None
    if found.bundle != bundle:
        raise BadInput(
            f"saved session: bundle is {found.bundle}, but this session's is {bundle}; open one with the former"
        )
    check_state(arrays, start)
    return found


def check_state(state: State, start: Callable[[int, bool], State]) -> None:
    """BadInput unless the state has the keys, shapes and types of one that began with `start(tracks, adapt)`.

    Arrays that are empty at the start wait for something and may have any number of rows.
    """
    adapt = any(key.startswith("follow.") for key in state)
    one, two = start(1, adapt), start(2, adapt)
    if odd := sorted(set(state) ^ set(one)):
        raise BadInput(f"saved session: {', '.join(odd)} differ from this version's state; save the session again")
    tracks = max((1, *state["onset.current"].shape[:1]))
    for key, needed in one.items():
        found, shape = state[key], needed.shape
        if shape != two[key].shape:
            shape = (tracks, *shape[1:])
        elif shape[:1] == (0,):
            shape = (*(found.shape[:1] or (0,)), *shape[1:])
        if (found.dtype, found.shape) != (needed.dtype, shape):
            raise BadInput(
                f"saved session: {key} is {found.dtype} {found.shape}, but {needed.dtype} {shape} is needed; save the "
                "session again"
            )
