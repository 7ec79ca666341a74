"""Glimpse decodes what a person sees from EEG or MEG, live.

The names below are the public library. A name is imported on its first use, so `import glimpse` is fast and loads
neither torch nor liblsl.
"""

from importlib import import_module, metadata
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from realtime.bundle.bank import Bank
    from realtime.bundle.bundle import Bundle
    from realtime.decoding.decision import Candidate, Decision
    from realtime.decoding.decoder import Decoder
    from realtime.errors import BadInput
    from realtime.recordings.read import read_recording
    from realtime.recordings.recording import Recording

    __version__: str
else:  # hidden from type checkers, which would otherwise accept any name

    def __getattr__(name: str) -> object:
        if name == "__version__":
            return metadata.version("glimpse-bci")
        if name not in _MODULES:
            raise AttributeError(f"module 'glimpse' has no attribute {name!r}")
        return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
