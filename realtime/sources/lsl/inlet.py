"""Opens LSL streams and reads their clocks, without the functions of liblsl that hide losses."""

import ctypes
import time
from contextlib import suppress
from typing import NamedTuple

import pylsl
from pylsl.lib import lib
from pylsl.util import LostError
from pylsl.util import TimeoutError as LslTimeout

from realtime.errors import StreamLost

# Where multicast does not work, liblsl queries port by port half a second later: answers may differ by this much.
SETTLE_S = 0.7
ANSWER_S = 5.0  # a stream that takes longer to answer is not read
STEP_S = 0.005  # two readings of a clock that differ by more than this and than their errors show a jump

lib.lsl_time_correction_ex.restype = ctypes.c_double  # pylsl wraps only the call without the error


class ClockReading(NamedTuple):
    """liblsl's measurement of the clock of a stream's machine; repeated every 2 s."""

    correction_s: float  # added to the stream's stamps to make them this machine's
    error_s: float  # of the correction, at most

    def jump_from(self, before: "ClockReading") -> float:
        """Seconds by which the stream's clock was set forward since `before`, 0.0 if within the errors."""
        step_s = before.correction_s - self.correction_s
        return step_s if abs(step_s) > STEP_S + before.error_s + self.error_s else 0.0


def resolve_streams(resolver: pylsl.ContinuousResolver, wait_s: float, settle_s: float) -> list[pylsl.StreamInfo]:
    """The streams that a resolver finds until `settle_s` after its first answer, at the latest until `wait_s`.

    pylsl.resolve_bypred would do, but with no match it takes 5 s too long every other time (measured, liblsl 1.18).
    """
    until = pylsl.local_clock() + wait_s
    while not resolver.results() and pylsl.local_clock() < until:
        time.sleep(0.01)
    time.sleep(max(0.0, min(settle_s, until - pylsl.local_clock())))
    streams: list[pylsl.StreamInfo] = resolver.results()
    return streams


def open_inlet(info: pylsl.StreamInfo, buffer_s: float) -> tuple[pylsl.StreamInlet, pylsl.StreamInfo]:
    """Connected inlet and full header of a visible stream; `StreamLost` if it does not answer.

    liblsl corrects stamps for the clock offset and nothing else, and may not replace the stream by another. Samples are
    collected from now on; before the first pull, `first_reading` must wait for the measurement of the offset.
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
    """The newest reading of the stream's clock (costs a microsecond), None if there is none within `wait_s`.

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
    """Wait for the first reading of the stream's clock; `StreamLost` if there is none."""
    with suppress(LostError):
        if reading := read_clock(inlet, ANSWER_S):
            return reading
    raise StreamLost(f"stream {name!r} does not report its clock")
