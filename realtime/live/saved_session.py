"""A session between two hops as bytes, from which another process continues with the same decisions.

The format is safetensors; its entry `session` is JSON with the bundle and the time of the next sample. Nothing is
unpickled.
"""

import json
import math
from dataclasses import asdict, dataclass

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from realtime.decoding.decoder import Decoder
from realtime.errors import BadInput
from realtime.live.session import Session
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
    trials: tuple[tuple[int, str], ...]  # sample of onset and marker of the latest trials
    state: State


def save_session(session: Session) -> bytes:
    """Where the session stands, for `load_session`; pause it first, or both sessions decode the samples after."""
    t_next = session.t_next
    if session.chunk is not None:
        t_next = session.time_of(session.decoder.frontend.next_sample(session.state))
    trials = tuple(session.trials.recent)
    return pack(SavedSession(session.decoder.bundle.hash, t_next, session.waiting_markers, trials, session.state))


def load_session(session: Session, data: bytes) -> None:
    """Continue where the saved session stood, by the clock: samples that it decoded are not decoded again.

    Raises BadInput, also where the session is not paused: it would have moved on already.
    """
    if not session.paused:
        raise BadInput(
            f"session {session.id!r}: it is decoding, and a saved one is loaded while paused; pause it first"
        )
    saved = unpack(data, session.decoder)
    session.state, session.t_next, session.waiting_markers = saved.state, saved.t_next, saved.waiting
    session.chunk, session.offset = None, 0
    session.trials.restore(saved.trials)
    session.recent_hops.clear()
    session.report_progress()


def pack(saved: SavedSession) -> bytes:
    """The session as bytes."""
    fields = {"version": VERSION, "bundle": saved.bundle, "t_next": saved.t_next, "trials": saved.trials}
    header = json.dumps(fields | {"waiting": [asdict(marker) for marker in saved.waiting]}).encode()
    arrays = {key: np.asarray(value, order="C") for key, value in saved.state.items()}
    return save(arrays | {HEADER: np.frombuffer(header, np.uint8)})


def unpack(data: bytes, decoder: Decoder) -> SavedSession:
    """The session in `data`, for this decoder.

    Raises BadInput where it was saved by another bundle or is no saved session.
    """
    try:
        arrays = load(data)
        fields = json.loads(arrays.pop(HEADER).tobytes())
        if fields["version"] != VERSION:
            raise BadInput(
                f"saved session: version is {fields['version']}, but {VERSION} is needed; save the session again"
            )
        waiting = tuple(Marker(str(marker["label"]), float(marker["t_lsl"])) for marker in fields["waiting"])
        trials = tuple((int(onset), str(marker)) for onset, marker in fields["trials"])
        t_next = None if fields["t_next"] is None else float(fields["t_next"])
        if t_next is not None and not math.isfinite(t_next):
            raise ValueError(f"t_next is {t_next}")
        saved = SavedSession(fields["bundle"], t_next, waiting, trials, arrays)
    except BadInput:
        raise
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise BadInput(f"saved session: it cannot be read ({error!r}); save the session again") from None
    if saved.bundle != decoder.bundle.hash:
        raise BadInput(
            f"saved session: bundle is {saved.bundle}, but this session's is {decoder.bundle.hash}; open one with the "
            "former"
        )
    check_state(arrays, decoder)
    return saved


def check_state(state: State, decoder: Decoder) -> None:
    """BadInput unless the state has the keys, shapes and types of a state of this decoder.

    Arrays that are empty at the start are lists and may have any number of rows.
    """
    adapts = decoder.adapts(state)
    one, two = decoder.start(1, adapts), decoder.start(2, adapts)
    if differing := sorted(set(state) ^ set(one)):
        raise BadInput(
            f"saved session: {', '.join(differing)} differ from this version's state; save the session again"
        )
    tracks = max(1, decoder.n_tracks(state))
    for key, needed in one.items():
        value, shape = state[key], needed.shape
        if shape != two[key].shape:
            shape = (tracks, *shape[1:])
        elif shape[:1] == (0,):
            shape = (*(value.shape[:1] or (0,)), *shape[1:])
        if (value.dtype, value.shape) != (needed.dtype, shape):
            raise BadInput(
                f"saved session: {key} is {value.dtype} {value.shape}, but {needed.dtype} {shape} is needed; save the "
                "session again"
            )
