"""Finding and opening LSL streams: nothing is trusted that liblsl would hide."""

import time

import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as LslTimeout

from realtime.errors import StreamLost

# Where multicast does not work liblsl asks port by port half a second later: streams may show up this far apart.
SETTLE_S = 0.7


def in_sight(resolver: pylsl.ContinuousResolver, wait_s: float, settle_s: float) -> list[pylsl.StreamInfo]:
    """What a resolver has found `settle_s` after its first answer, at the latest after `wait_s`.

    pylsl.resolve_bypred would do, but with no match it takes 5 s too long every other time (measured, liblsl 1.18).
    """
    until = pylsl.local_clock() + wait_s
    while not resolver.results() and pylsl.local_clock() < until:
        time.sleep(0.01)
    time.sleep(max(0.0, min(settle_s, until - pylsl.local_clock())))
    return resolver.results()


def open_inlet(info: pylsl.StreamInfo, buffer_s: float) -> tuple[pylsl.StreamInlet, pylsl.StreamInfo]:
    """Connected inlet and full header of a stream that was found; `StreamLost` if it does not answer.

    The clock offset is measured now rather than during the first pull. liblsl corrects stamps for it and nothing else,
    and may not swap the stream for another.
    """
    inlet = pylsl.StreamInlet(info, max_buflen=round(buffer_s), recover=False, processing_flags=pylsl.proc_clocksync)
    try:
        inlet.time_correction(timeout=5.0)
        inlet.open_stream(timeout=5.0)
        return inlet, inlet.info(timeout=5.0)
    except (LostError, LslTimeout) as error:
        raise StreamLost(f"stream {info.name()!r} does not answer") from error
