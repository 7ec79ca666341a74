"""Two calls of liblsl that need less than a microsecond, made without releasing Python's lock.

pylsl releases it at every call. Getting it back means waiting for the thread that decodes, which then waits in turn.
"""

import ctypes

import pylsl
from pylsl.lib import lib

_lib = ctypes.PyDLL("liblsl", handle=lib._handle)
_lib.lsl_local_clock.restype = ctypes.c_double
_lib.lsl_samples_available.argtypes = (ctypes.c_void_p,)


def local_clock() -> float:
    """LSL seconds now."""
    return float(_lib.lsl_local_clock())


def samples_available(inlet: pylsl.StreamInlet) -> int:
    """How many samples can be pulled without waiting."""
    return int(_lib.lsl_samples_available(inlet.obj))
