"""An amplifier that fails to order: an LSL outlet in a process of its own, whose samples are known beforehand."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from uuid import uuid4

import numpy as np

CHUNK_S = 0.02


@dataclass(frozen=True)
class Amplifier:
    """What streams, and what goes wrong, in seconds since its first sample."""

    ch_names: tuple[str, ...]
    sfreq: float = 250.0
    name: str = ""
    source_id: str = ""
    seed: int = 0  # of its samples
    true_sfreq: float | None = None  # how many samples are really taken a second, where the header lies
    lose: tuple[float, float] | None = None  # from, for how long: samples taken and never sent
    jump: tuple[float, float] | None = None  # from, by how much: the device's clock is set
    bad: tuple[float, float, str, str] | None = None  # from, for how long, channel, nan or flat
    jitter_s: float = 0.0  # sd of what each stamp is wrong by

    def samples(self, begin: int, end: int) -> np.ndarray:
        """Samples of those numbers, float32 (n_times, n_channels) microvolts, channels in order of name."""
        blocks = [self._block(k) for k in range(begin // 1000, (end - 1) // 1000 + 1)]
        rows = np.concatenate(blocks)[begin % 1000 :][: end - begin] if blocks else np.empty((0, len(self.ch_names)))
        columns = [sorted(self.ch_names).index(name) for name in self.ch_names]  # a channel's signal goes by its name
        rows = rows[:, columns].astype(np.float32)
        if self.bad:
            start, seconds, name, kind = self.bad
            at = np.arange(begin, end) / self.sfreq
            rows[(at >= start) & (at < start + seconds), self.ch_names.index(name)] = np.nan if kind == "nan" else 7.0
        return rows

    def _block(self, k: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, k])
        return 20 * rng.normal(size=(1000, len(self.ch_names)))


def unique(ch_names: tuple[str, ...], **changes) -> Amplifier:
    """An amplifier nobody else has."""
    name = f"test-{uuid4().hex[:8]}"
    return replace(Amplifier(ch_names, name=name, source_id=f"id-{name}"), **changes)


class Running:
    """The process of one."""

    def __init__(self, amplifier: Amplifier):
        self.amplifier = amplifier
        code = "import sys; from tests.helpers.amplifiers import stream; stream(sys.argv[1])"
        command = [sys.executable, "-c", code, json.dumps(asdict(amplifier))]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.t0 = float(self.process.stdout.readline())  # LSL seconds of its first sample, which leaves now

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def streaming(amplifier: Amplifier) -> Iterator[Running]:
    """The amplifier, running."""
    running = Running(amplifier)
    try:
        yield running
    finally:
        running.end()


def stream(text: str) -> None:
    """What the process does, until it is killed."""
    import pylsl

    given = json.loads(text)
    amplifier = Amplifier(**{key: tuple(value) if isinstance(value, list) else value for key, value in given.items()})
    a, n_channels = amplifier, len(amplifier.ch_names)
    info = pylsl.StreamInfo(a.name, "EEG", n_channels, a.sfreq, pylsl.cf_float32, a.source_id)
    info.set_channel_labels(list(a.ch_names))
    info.set_channel_types("eeg")
    info.set_channel_units("microvolts")
    outlet, rng = pylsl.StreamOutlet(info), np.random.default_rng(a.seed)
    t0, number = pylsl.local_clock(), 0
    print(t0, flush=True)
    rate = a.true_sfreq or a.sfreq
    hop = round(CHUNK_S * rate)
    while True:
        due = t0 + (number + hop) / rate
        time.sleep(max(0.0, due - pylsl.local_clock()))
        rows = a.samples(number, number + hop)
        for k, row in enumerate(rows, start=number):
            at = k / rate
            stamp = t0 + at + rng.normal() * a.jitter_s
            if a.lose and a.lose[0] <= at < sum(a.lose):
                continue
            if a.jump and at >= a.jump[0]:
                stamp += a.jump[1]
            outlet.push_sample(row, stamp, pushthrough=k == number + hop - 1)
        number += hop
