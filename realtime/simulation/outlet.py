"""A signal and its markers as live LSL streams, paced on the steady clock, in this process or in one of its own."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import pylsl

from realtime.child_process import ChildProcess, Send

START_S = 60.0  # until the streams of a child process are up, on a busy machine
MARKER_WAIT_S = 2.0  # from the first listener to the signal until one to the markers
DRAIN_S = 1.0  # outlets stay open this long after the last sample, so that it is delivered


class OutletTotals(NamedTuple):
    """What a run of the outlets has sent."""

    samples: int
    markers: int


class SampleBlock(NamedTuple):
    """Samples to send together."""

    first: int  # number of the first sample in the stream, lost samples counted
    samples: np.ndarray  # (n_times, n_channels) microvolts
    markers: list[tuple[int, str]]  # (sample number, label) to send before them


class LiveOutlet:
    """LSL stream `name` of float32 microvolts and string stream `{name}-markers`, until `close`."""

    def __init__(self, name: str, sfreq: float, ch_names: Iterable[str], kind: str = "EEG", source_id: str = ""):
        ch_names = list(ch_names)
        self.name, self.sfreq = name, sfreq
        source_id = source_id or f"glimpse-{name}"
        info = pylsl.StreamInfo(name, kind, len(ch_names), sfreq, pylsl.cf_float32, source_id)
        info.set_channel_labels(ch_names)
        info.set_channel_types(kind.lower())
        info.set_channel_units("microvolts")
        info.desc().append_child_value("manufacturer", "Glimpse")
        marks = pylsl.StreamInfo(f"{name}-markers", "Markers", 1, 0.0, pylsl.cf_string, f"{source_id}-markers")
        self._signal = pylsl.StreamOutlet(info)
        self._markers = pylsl.StreamOutlet(marks)

    def wait_for_listeners(self, stopped: Callable[[], bool]) -> str:
        """Block until somebody reads the signal, then a moment for the markers; a sentence saying who listens."""
        while not self._signal.wait_for_consumers(0.2):
            if stopped():
                return "stopped before anybody listened"
        deadline = time.monotonic() + MARKER_WAIT_S
        while not self._markers.have_consumers():
            if stopped() or time.monotonic() > deadline:
                return "somebody listens to the signal, nobody to the markers"
            time.sleep(0.01)
        return "somebody listens to signal and markers"

    def send(self, samples: np.ndarray, t_last: float) -> None:
        """Push (n_times, n_channels) microvolts whose last sample was taken at `t_last`, LSL seconds."""
        self._signal.push_chunk(np.ascontiguousarray(samples, dtype=np.float32), t_last)

    def push_marker(self, label: str, t_lsl: float) -> None:
        """Push one marker."""
        self._markers.push_sample([label], t_lsl)

    def close(self, drain_s: float = DRAIN_S) -> None:
        """Take the streams down once listeners have had `drain_s` seconds to get the rest, or have left."""
        deadline = time.monotonic() + drain_s
        while time.monotonic() < deadline and (self._signal.have_consumers() or self._markers.have_consumers()):
            time.sleep(0.02)
        del self._signal, self._markers


def play_blocks(
    outlet: LiveOutlet,
    blocks: Iterable[SampleBlock],
    stopped: Callable[[], bool],
    speed: float = 1.0,
    start_in_s: float = 0.0,
) -> OutletTotals:
    """Send each block the moment its last sample is due, its markers as soon as the block before has left.

    Sample i is stamped t0 + i / sfreq on the LSL clock, t0 being `start_in_s` seconds from now. At `speed` 1 that is
    when it is due; at other speeds stamps and clock differ.
    """
    n_samples = n_markers = 0
    t0 = pylsl.local_clock() + start_in_s
    for first, samples, markers in blocks:
        for number, label in markers:
            outlet.push_marker(label, t0 + number / outlet.sfreq)
        last_s = (first + len(samples) - 1) / outlet.sfreq
        while (wait_s := t0 + last_s / speed - pylsl.local_clock()) > 0 and not stopped():
            time.sleep(min(wait_s, 0.1))
        if stopped():
            break
        outlet.send(samples, t0 + last_s)
        n_samples, n_markers = n_samples + len(samples), n_markers + len(markers)
    return OutletTotals(n_samples, n_markers)


class OutletProcess(ChildProcess[OutletTotals]):
    """Live streams in a child process; a context manager that takes them down at its end.

    `run(*args, report, stopped)` must be importable: it opens the outlets, calls `report("ready")`, and returns what it
    sent. The streams are up when the constructor returns; what `run` raises before that is raised here.
    """

    def __init__(self, run: Callable[..., OutletTotals], *args: Any):
        super().__init__(_run_outlet, run, args)
        try:
            while self.next_message(START_S) != "ready":
                pass
        except BaseException:
            self.close(0.0)
            raise


def _run_outlet(
    run: Callable[..., OutletTotals], args: tuple[Any, ...], send: Send, stop: threading.Event
) -> OutletTotals:
    return run(*args, send, stop.is_set)
