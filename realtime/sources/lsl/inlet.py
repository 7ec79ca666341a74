"""Opening LSL streams and reading their clocks: nothing is trusted that liblsl would hide."""

import ctypes
import time
from contextlib import suppress
from typing import NamedTuple

import pylsl
from pylsl.lib import lib
from pylsl.util import LostError
from pylsl.util import TimeoutError as LslTimeout

from realtime.errors import StreamLost

# Where multicast does not work liblsl asks port by port half a second later: streams may show up this far apart.
SETTLE_S = 0.7
ANSWER_S = 5.0  # a stream that takes longer to answer is not read
STEP_S = 0.005  # two readings of a clock that differ by more, and by more than their errors, show a jump

lib.lsl_time_correction_ex.restype = ctypes.c_double  # pylsl wraps the call without the error only


class ClockReading(NamedTuple):
    """What liblsl knows of the clock of a stream's machine; it asks again every 2 s."""

    correction_s: float  # added to the stream's stamps to make them this machine's
    error_s: float  # of that, at most

    def jump_from(self, before: "ClockReading") -> float:
        """Seconds by which the stream's clock was set on since, 0.0 where that is within the errors."""
        step_s = before.correction_s - self.correction_s
        return step_s if abs(step_s) > STEP_S + before.error_s + self.error_s else 0.0


def resolve_streams(resolver: pylsl.ContinuousResolver, wait_s: float, settle_s: float) -> list[pylsl.StreamInfo]:
    """What a resolver has found `settle_s` after its first answer, at the latest after `wait_s`.

    pylsl.resolve_bypred would do, but with no match it takes 5 s too long every other time (measured, liblsl 1.18).
    """
    until = pylsl.local_clock() + wait_s
    while not resolver.results() and pylsl.local_clock() < until:
        time.sleep(0.01)
    time.sleep(max(0.0, min(settle_s, until - pylsl.local_clock())))
    streams: list[pylsl.StreamInfo] = resolver.results()
    return streams


def open_inlet(info: pylsl.StreamInfo, buffer_s: float) -> tuple[pylsl.StreamInlet, pylsl.StreamInfo]:
    """Connected inlet and full header of a stream that was found; `StreamLost` if it does not answer.

    liblsl corrects stamps for the clock offset and nothing else, and may not swap the stream for another. Samples are
    collected from now on; the offset is being measured and must be waited for before the first pull (`first_reading`).
    Measured on loopback: opening takes 12 ms, the offset 640 ms.
    """
    inlet = pylsl.StreamInlet(info, max_buflen=round(buffer_s), recover=False, processing_flags=pylsl.proc_clocksync)
    try:
        inlet.open_stream(timeout=ANSWER_S)
        header = inlet.info(timeout=ANSWER_S)
        with suppress(LslTimeout):
            inlet.time_correction(timeout=0.0)  # starts the measurement
    except (LostError, LslTimeout) as error:
        raise StreamLost(f"stream {info.name()!r} does not answer") from error
    return inlet, header


def read_clock(inlet: pylsl.StreamInlet, wait_s: float = 0.0) -> ClockReading | None:
    """The newest reading of the stream's clock (costs a microsecond), None where there is none within `wait_s`.

    `LostError` if the stream is gone.
    """
    code, remote_s, error_s = ctypes.c_int(), ctypes.c_double(), ctypes.c_double()
    correction_s = lib.lsl_time_correction_ex(
        inlet.obj, ctypes.byref(remote_s), ctypes.byref(error_s), ctypes.c_double(wait_s), ctypes.byref(code)
    )
    with suppress(LslTimeout):
        pylsl.util.handle_error(code)
        return ClockReading(correction_s, error_s.value)
    return None


def first_reading(inlet: pylsl.StreamInlet, name: str) -> ClockReading:
    """The first reading of the stream's clock, waited for; `StreamLost` if there is none."""
    with suppress(LostError):
        if reading := read_clock(inlet, ANSWER_S):
            return reading
    raise StreamLost(f"stream {name!r} does not answer when asked for its clock")
