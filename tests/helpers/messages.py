"""Messages of a session with every field set, of which a test changes those that it is about."""

from dataclasses import replace

import numpy as np

from realtime.decoding.decision import Candidate
from realtime.live.messages import BundleInfo, DecisionMessage, HelloMessage, Quality

INFO = BundleInfo(
    name="demo",
    note="simulated signal, not CLIP",
    bundle="sha256:0123456789abcdef",
    labels=("owl", "sailing boat", "café"),
    channels=("Cz", "Pz"),
    events={"T1": "owl"},
    sfreq=128.0,
    hop_s=0.04,
    window_s=(0.0, 1.5),
)
DECISION = DecisionMessage(
    session="s1",
    hop=5200,
    sample=52009,
    trial=4,
    t_lsl=5123.402,
    t_onset=5122.902,
    since_onset_s=0.5,
    top=(Candidate("owl", 0.5, 0.25), Candidate("sailing boat", 0.3, 0.1)),
    decided=False,
    quality=Quality(False),
    latency_ms={"age": 2.1, "preprocess": 0.2, "encode": 1.1, "retrieve": 0.1},
    bundle=INFO.bundle,
    p=np.float32([0.5, 0.3, 0.2]),
    embedding=np.zeros(4, np.float32),
)


def hello_message(**fields) -> HelloMessage:
    """Of session s1 and stream `eeg`."""
    return replace(HelloMessage.of(INFO, "s1", "eeg"), **fields)


def decision_message(**fields) -> DecisionMessage:
    """Of trial 4, whose best label is `owl`."""
    return replace(DECISION, **fields)
