"""A small engine for the server's tests: a thread that publishes what the real one publishes, from made-up samples."""

import threading
import time
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from realtime.decoding.decision import Candidate
from realtime.errors import BadInput
from realtime.live.messages import (
    BundleInfo,
    DecisionMessage,
    HelloMessage,
    Quality,
    TraceFrame,
    TrialMessage,
    status_message,
)
from realtime.sources.lsl.directory import StreamRow
from serve.backend import Backend

LABELS = (
    "banana",
    "sailing boat",
    "owl",
    "teapot",
    "cactus",
    "accordion",
    "lighthouse",
    "strawberry",
    "bicycle",
    "hedgehog",
)
CHANNELS = tuple("Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2".split())
SFREQ, HOP_S, TRIAL_S = 128.0, 0.0625, 1.5
BAD = "T7"


@dataclass(frozen=True)
class Weights:
    """Stands where a decoder stands; decides nothing."""

    path: Path


def load(path: Path) -> Weights:
    if not path.is_dir():
        raise BadInput(f"Bundle {path} is not a folder: give the folder that `glimpse export` wrote.")
    return Weights(path)


def info(weights: Weights) -> BundleInfo:
    return BundleInfo(
        name="demo",
        note="simulated signal, not CLIP",
        bundle=f"sha256:{sha256(weights.path.name.encode()).hexdigest()}",
        labels=tuple(label.upper() for label in LABELS) if weights.path.name == "loud" else LABELS,
        channels=CHANNELS,
        events={label: label for label in LABELS},
        sfreq=SFREQ,
        hop_s=HOP_S,
        window_s=(0.0, 1.5),
    )


class ThreadEngine:
    """Publishes trials, decisions and traces of every open session in real time from one thread."""

    def __init__(self, publish):
        self.publish = publish
        self.opened: dict[str, Weights] = {}
        self.streams: dict[str, str] = {}
        self.paused: set[str] = set()
        self.hops: dict[str, int] = {}  # decisions of a session so far: what its state holds
        self.lock = threading.Lock()  # held during a hop
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, name="engine")
        self.thread.start()

    def open(self, session, decoder, query, tracks=1, paused=False, adapt=False):
        self.hops[session] = 0
        self.paused |= {session} if paused else set()
        self.streams[session], self.opened[session] = query[0], decoder
        self.publish(session, status_message(session, "live", f"{query[0]} is live at 128 Hz."))

    def report_status(self, session, state):
        self.publish(session, status_message(session, state, f"It is {state}."))

    def pause(self, session):
        with self.lock:
            self.paused.add(session)
            self.report_status(session, "paused")

    def resume(self, session):
        with self.lock:
            self.paused.discard(session)
            self.report_status(session, "resumed")

    def save(self, session):
        with self.lock:
            return f"{self.opened[session].path.name} {self.hops[session]}".encode()

    def load(self, session, state):
        with self.lock:
            name, _, hops = state.decode().rpartition(" ")
            if name != self.opened[session].path.name:
                raise BadInput(f"State: of bundle {name!r}, this session's is {self.opened[session].path.name!r}.")
            self.hops[session] = int(hops)

    def swap(self, session, decoder):
        with self.lock:
            if decoder.path.name == "other-channels":
                raise BadInput("Bundle 'other-channels' needs other channels: give one for the same cap.")
            self.opened[session] = decoder
            self.report_status(session, "swapped")
            self.publish(session, HelloMessage.of(info(decoder), session, self.streams[session]))

    def close(self, session):
        self.opened.pop(session, None)

    def stop(self):
        self.stopping.set()
        self.thread.join()

    def run(self):
        rng, hop, started = np.random.default_rng(7), 0, time.monotonic()
        n, phase = round(HOP_S * SFREQ), rng.uniform(0, 6, len(CHANNELS))
        slow = np.zeros(len(CHANNELS))
        per_trial = round(TRIAL_S / HOP_S)
        while not self.stopping.wait(max(0.0, started + hop * HOP_S - time.monotonic())):
            t = started + hop * HOP_S
            times = t + np.arange(n) / SFREQ
            walk = slow + np.cumsum(rng.normal(0, 2.2, (n, len(CHANNELS))), axis=0)
            slow = walk[-1] * 0.9
            alpha = 14 * np.linspace(0.1, 1, len(CHANNELS)) * (1 + np.sin(times[:, None] / 2))
            samples = walk + alpha * np.sin(2 * np.pi * 10 * times[:, None] + phase) + rng.normal(0, 3, walk.shape)
            trial, step = divmod(hop, per_trial)
            samples[:, CHANNELS.index(BAD)] *= 8
            samples[:, :2] += 60 * blinks(trial, step)
            shown = trial * 3 % len(LABELS)
            with self.lock:
                for session, weights in list(self.opened.items()):
                    if session in self.paused:
                        continue
                    if step == 0:
                        label = LABELS[shown]
                        self.publish(session, TrialMessage(session, trial, t, label, label))
                    self.publish(session, TraceFrame(session, t, SFREQ, np.float32(samples)))
                    made = decision(rng, trial, step, shown, t)
                    made = replace(made, session=session, hop=self.hops[session], bundle=info(weights).bundle)
                    self.publish(session, made)
                    self.hops[session] += 1
            hop += 1


def blinks(trial: int, step: int) -> bool:
    return trial % 2 == 0 and 14 <= step < 18


def decision(rng, trial: int, step: int, shown: int, t: float) -> DecisionMessage:
    """A decision that grows more certain of `shown`, or of its neighbour in every fourth trial."""
    favoured = (shown + 1) % len(LABELS) if trial % 4 == 3 else shown
    logits = np.random.default_rng(trial).normal(0, 0.7, len(LABELS)) + rng.normal(0, 0.1, len(LABELS))
    logits[favoured] += 5.4 / (1 + np.exp(-(step - 7) / 2.2))
    p = np.exp(logits) / np.exp(logits).sum()
    best = np.argsort(-p)[:5]
    return DecisionMessage(
        session="s1",
        hop=trial * 100 + step,
        sample=round((t + HOP_S) * SFREQ),
        trial=trial,
        t_lsl=t + HOP_S,
        t_onset=t - step * HOP_S,
        since_onset_s=(step + 1) * HOP_S,
        top=tuple(Candidate(LABELS[i], p[i], np.float32(p[i] / 3)) for i in best),
        decided=bool(p[best[0]] > 0.8),
        quality=Quality(False, (BAD,), blinks(trial, step)),
        latency_ms={
            "age": rng.gamma(8, 0.3),
            "preprocess": rng.gamma(8, 0.03),
            "encode": rng.gamma(9, 0.15),
            "retrieve": rng.gamma(8, 0.01),
        },
        bundle="",
        p=np.float32(p),
        embedding=rng.normal(size=32).astype(np.float32),
    )


ROW = StreamRow("demo-eeg", "EEG", "demo-eeg-1", SFREQ, len(CHANNELS), "float32", "localhost")

BACKEND = Backend(
    engine=ThreadEngine,
    load=load,
    info=info,
    query=lambda stream, markers, delay_s: (stream, markers, delay_s),
    streams=lambda: [ROW],
)

if __name__ == "__main__":  # the page with made-up decisions: python -m tests.helpers.amplifier_process
    from serve.api.server import serving
    from serve.settings import Settings

    with serving(Settings(bundle=Path("."), port=8766), BACKEND) as url:
        print(url, flush=True)
        threading.Event().wait()
