"""Glimpse decodes what a person sees from EEG or MEG, live.

The names below are the public library. Each is imported when it is first used, so that `import glimpse` is fast and
loads neither torch nor liblsl.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realtime.bundle.bank import Bank
    from realtime.bundle.bundle import Bundle
    from realtime.decoding.decision import Candidate, Decision
    from realtime.decoding.decoder import Decoder
    from realtime.errors import BadInput
    from realtime.recordings.read import read_recording
    from realtime.recordings.recording import Recording

__all__ = ["BadInput", "Bank", "Bundle", "Candidate", "Decision", "Decoder", "Recording", "read_recording"]

_MODULES = {
    "BadInput": "realtime.errors",
    "Bank": "realtime.bundle.bank",
    "Bundle": "realtime.bundle.bundle",
    "Candidate": "realtime.decoding.decision",
    "Decision": "realtime.decoding.decision",
    "Decoder": "realtime.decoding.decoder",
    "Recording": "realtime.recordings.recording",
    "read_recording": "realtime.recordings.read",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'glimpse' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
