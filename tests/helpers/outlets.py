"""LSL outlets for tests, in processes of their own where they are to be killed or frozen."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pylsl


def outlet(
    name: str,
    labels: Sequence[str],
    sfreq: float,
    source_id: str | None = None,
    unit: str = "microvolts",
    delay_s: str | None = None,
) -> pylsl.StreamOutlet:
    """An EEG stream of this process."""
    info = pylsl.StreamInfo(name, "EEG", len(labels), sfreq, "float32", source_id or f"id-{name}")
    info.set_channel_labels(list(labels))
    info.set_channel_units(unit)
    if delay_s is not None:
        info.desc().append_child("synchronization").append_child_value("offset_mean", delay_s)
    return pylsl.StreamOutlet(info)


def markers_of(
    name: str,
    form: str = "string",
    n: int = 1,
    kind: str = "Markers",
    delay_s: str | None = None,
    source_id: str | None = None,
) -> pylsl.StreamOutlet:
    """A marker stream of this process."""
    info = pylsl.StreamInfo(name, kind, n, 0, form, source_id or f"id-{name}")
    if delay_s is not None:
        info.desc().append_child("synchronization").append_child_value("offset_mean", delay_s)
    return pylsl.StreamOutlet(info)


class Rig:
    """An amplifier in a process of its own that streams noise in real time, in sight soon after this returns.

    Its first channel holds the sample number.
    """

    def __init__(
        self,
        name: str,
        labels: Sequence[str],
        sfreq: float,
        stamped_sfreq: float | None = None,
        source_id: str | None = None,
        unit: str = "microvolts",
    ):
        context = multiprocessing.get_context("spawn")
        mine, theirs = context.Pipe()
        arguments = (theirs, name, tuple(labels), sfreq, stamped_sfreq or sfreq, source_id, unit)
        self._process = context.Process(target=_stream, args=arguments, daemon=True)
        self._process.start()
        assert mine.poll(60.0)
        self._t0, self._sfreq = mine.recv(), stamped_sfreq or sfreq

    def stamp(self, number: float) -> float:
        """LSL seconds at which it took a sample."""
        return self._t0 + number / self._sfreq

    def kill(self) -> float:
        """SIGKILL; the `time.monotonic()` just before it."""
        return self._signal(signal.SIGKILL)

    def freeze(self) -> float:
        """SIGSTOP: the sockets stay open; the `time.monotonic()` just before it."""
        return self._signal(signal.SIGSTOP)

    def thaw(self) -> float:
        """SIGCONT."""
        return self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> float:
        assert self._process.pid
        now = time.monotonic()
        os.kill(self._process.pid, number)
        return now

    def close(self) -> None:
        """Gone, whatever state it is in."""
        self._process.kill()
        self._process.join()


@contextmanager
def rigs() -> Iterator[list[Rig]]:
    """A list for rigs that are closed at its end."""
    made: list[Rig] = []
    try:
        yield made
    finally:
        for rig in made:
            rig.close()


def _stream(ready, name, labels, sfreq, stamped_sfreq, source_id, unit) -> None:
    out = outlet(name, labels, sfreq, source_id, unit)
    rng, t0, sent = np.random.default_rng(0), pylsl.local_clock(), 0
    ready.send(t0)
    while True:
        due = int((pylsl.local_clock() - t0) * sfreq)
        if due > sent:
            samples = rng.normal(0, 20, (due - sent, len(labels))).astype(np.float32)
            samples[:, 0] = np.arange(sent, due)
            out.push_chunk(samples, t0 + (due - 1) / stamped_sfreq)
            sent = due
        time.sleep(0.02)
