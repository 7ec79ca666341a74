"""The arguments of each `glimpse bench` sub-command."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from realtime.errors import BadInput, check_folder_of

Peer = Literal["EEGConformer", "ShallowFBCSPNet", "none"]

MINIMA: dict[str, float] = {  # argument -> smallest number that gives a figure
    "seconds": 1.0, "sessions": 1, "channels": 2, "sfreq": 100.0, "hours": 0.01, "seeds": 1, "epochs": 1, "workers": 1,
    "n_channels": 2, "minutes": 0.5,
}  # fmt: skip


@dataclass(frozen=True)
class LatencyArguments:
    """Time from a pushed sample to the decision at a WebSocket client on this machine, compared with a usual loop.

    The peer: mne-lsl's StreamLSL and a braindecode network with as many parameters, re-run on the newest second.
    """

    seconds: float = 60.0  # measured for Glimpse, and again for the peer
    bundle: Path | None = None  # default: the demo bundle, 64 channels at 250 Hz
    peer: Peer = "EEGConformer"  # the peer's network; none: no peer
    large: bool = False  # decode with a random encoder of 12 million parameters instead of the bundle's
    context: bool = True  # also measure the cost of a decision as the context grows; takes a minute
    json: Path | None = None  # write the figures here


@dataclass(frozen=True)
class ThroughputArguments:
    """Many sessions at once: streams of noise, one server, a WebSocket client for each."""

    sessions: int = 16  # streams decoded at once
    seconds: float = 300.0  # measured
    search: bool = False  # double the sessions until a deadline is missed
    bundle: Path | None = None  # default: the demo bundle, 64 channels at 250 Hz
    json: Path | None = None  # write the figures here


@dataclass(frozen=True)
class IngestArguments:
    """One session of a whole MEG helmet; every sample carries its number, so that each lost one is counted."""

    channels: int = 306  # of the stream
    sfreq: float = 1000.0  # of the stream, Hz
    seconds: float = 60.0  # measured
    json: Path | None = None  # write the figures here


@dataclass(frozen=True)
class SoakArguments:
    """A simulated day with gaps, NaN and reconnects, faster than real time; live is compared with offline decoding."""

    hours: float = 24.0  # of stream
    bundle: Path | None = None  # default: a small random one, 8 channels at 250 Hz, 6 decisions a second
    json: Path | None = None  # write the figures here


@dataclass(frozen=True)
class AccuracyArguments:
    """Glimpse's networks and those of braindecode and pyRiemann on the same recordings, splits and preprocessing.

    Glimpse decodes the held-out recording as live, hop by hop; peers see whole windows.
    """

    data: tuple[Path, ...] = ()  # dataset files; default: the six shipped ones of real recordings
    methods: tuple[str, ...] = ()  # recipes and networks of `glimpse train`, peers; default: the main ones, every peer
    seeds: int = 3  # each holds out another recording, where the dataset file names no test files
    epochs: int = 50  # of training for the peers' networks; Glimpse's train by their recipe
    workers: int = 2  # processes of one thread each
    zero_shot: bool = True  # also retrieval among 200 concepts never trained on, from simulated EEG; needs GLIMPSE_DATA
    snr: float = 1.0  # strength of the responses simulated for that
    json: Path | None = None  # write the figures here; finished fits go to JSON.fits.jsonl, to resume from if stopped


@dataclass(frozen=True)
class NetworksArguments:
    """Every network exported: difference between ONNX and torch, size of the file, time of a hop."""

    names: tuple[str, ...] = ()  # of networks; default: every one that streams
    n_channels: int = 64  # that each network is built for
    json: Path | None = None  # write the figures here


@dataclass(frozen=True)
class BadChannelsArguments:
    """Accuracy and confidence of a bundle on the simulated person's test session as channels and samples go bad."""

    bundle: Path | None = None  # default: the demo bundle
    minutes: float = 4.0  # of the session
    json: Path | None = None  # write the figures here


BenchArguments = (
    LatencyArguments
    | ThroughputArguments
    | IngestArguments
    | SoakArguments
    | AccuracyArguments
    | NetworksArguments
    | BadChannelsArguments
)


def check_arguments(arguments: BenchArguments) -> None:
    """BadInput for a number too small to measure anything with, and for figures that cannot be written."""
    check_folder_of(arguments.json, "--json")
    for key, minimum in MINIMA.items():
        value = getattr(arguments, key, minimum)
        if not minimum <= value < math.inf:
            flag = f"--{key.replace('_', '-')}"
            raise BadInput(f"{flag}: {value:g} found, at least {minimum:g} is needed; give more")
