"""A signal and its markers as live LSL streams, paced on the steady clock, in this process or in one of its own."""

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from typing import NamedTuple

import numpy as np
import pylsl

MARKER_WAIT_S = 2.0  # how long a listener to the signal may take until it also listens to the markers
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
    """LSL stream `name` of float32 microvolts and string stream `{name}-markers`; gone when closed."""

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

    def mark(self, label: str, t_lsl: float) -> None:
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
    when it is due; at other speeds stamps and clock part.
    """
    n_samples = n_markers = 0
    t0 = pylsl.local_clock() + start_in_s
    for first, samples, markers in blocks:
        for number, label in markers:
            outlet.mark(label, t0 + number / outlet.sfreq)
        last_s = (first + len(samples) - 1) / outlet.sfreq
        while (wait_s := t0 + last_s / speed - pylsl.local_clock()) > 0 and not stopped():
            time.sleep(min(wait_s, 0.1))
        if stopped():
            break
        outlet.send(samples, t0 + last_s)
        n_samples, n_markers = n_samples + len(samples), n_markers + len(markers)
    return OutletTotals(n_samples, n_markers)


class OutletProcess:
    """Live streams in a child process of their own; a context manager that takes them down at its end.

    `run(*args, say, stopped)` must be importable: it opens the outlets, calls `say("ready")`, and returns a `Sent`. A
    child whose parent dies stops too.
    """

    def __init__(self, run: Callable[..., OutletTotals], *args):
        context = multiprocessing.get_context("spawn")
        self._pipe, child = context.Pipe()
        self._process = context.Process(target=_child, args=(child, run, args), daemon=True)
        self._process.start()
        child.close()
        self._expect("ready", 60.0)

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._process.pid or 0

    def wait(self, timeout_s: float) -> OutletTotals:
        """What was sent, once the child has come to its end; TimeoutError before that."""
        return self._expect("sent", timeout_s)

    def stop(self) -> None:
        """Take the streams down; harmless when repeated."""
        self._pipe.close()  # the child sees the end of the pipe
        self._process.join(DRAIN_S + 4.0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def __enter__(self) -> "OutletProcess":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def _expect(self, wanted: str, timeout_s: float):
        deadline = time.monotonic() + timeout_s
        try:
            while self._pipe.poll(max(0.0, deadline - time.monotonic())):
                word, value = self._pipe.recv()
                if word == "error":
                    raise value
                if word == wanted:
                    return value
        except (EOFError, ConnectionError):
            raise RuntimeError(f"the streaming process {self.pid} ended without a word") from None
        raise TimeoutError(f"the streaming process {self.pid} was not {wanted!r} within {timeout_s:g} s")


def _child(pipe: Connection, run: Callable[..., OutletTotals], args: tuple) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent says when to stop

    def tell(word: str, value=None) -> None:
        try:
            pipe.send((word, value))
        except (BrokenPipeError, ConnectionError):
            return  # nobody is there to be told

    try:
        tell("sent", run(*args, say=tell, stopped=pipe.poll))
    except Exception as error:
        tell("error", error)
