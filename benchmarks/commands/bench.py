"""`glimpse bench`: figures anybody can rerun, each by files of its own."""

import json
import math
import os
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from inspect import getdoc
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro
from rich.console import Console

from benchmarks.peers.classifiers import PEERS
from realtime.command_line import TYRO_CONFIG
from realtime.errors import BadInput, check_folder_of

console = Console(highlight=False)
LEAST = {  # key -> smallest number that gives a figure
    "seconds": 1.0, "sessions": 1, "channels": 2, "sfreq": 100.0, "hours": 0.01, "seeds": 1, "epochs": 1, "workers": 1,
    "n_channels": 2,
}  # fmt: skip
LEAST_WIDTH = 150  # columns a table of six tasks needs, also where output goes to a file


@dataclass(frozen=True)
class Latency:
    """Sample pushed -> decision at a WebSocket client, on this machine, beside the loop a lab glues together.

    The peer: mne-lsl's StreamLSL and a braindecode network with as many parameters, re-run on the newest second.
    """

    seconds: float = 60.0  # measured for us, and again for the peer
    bundle: Path | None = None  # left out: the demo bundle, 64 channels at 250 Hz
    peer: Literal["EEGConformer", "ShallowFBCSPNet", "none"] = "EEGConformer"  # its network; none: no peer
    large: bool = False  # decode with an untrained encoder of 12 million parameters in the place of the bundle's
    context: bool = True  # also what a decision costs as the context grows; takes a minute
    json: Path | None = None  # write the figures here


@dataclass(frozen=True)
class Throughput:
    """Many sessions at once: streams of noise, one server, a WebSocket client each."""

    sessions: int = 16  # streams decoded at once
    seconds: float = 300.0  # measured
    search: bool = False  # go on with twice as many until a deadline is missed
    bundle: Path | None = None  # left out: the demo bundle, 64 channels at 250 Hz
    json: Path | None = None  # write the figures here


@dataclass(frozen=True)
class Ingest:
    """One session of a whole MEG helmet; every sample carries its number, so that none is lost unseen."""

    channels: int = 306  # of the stream
    sfreq: float = 1000.0  # its rate, Hz
    seconds: float = 60.0  # measured
    json: Path | None = None  # write the figures here


@dataclass(frozen=True)
class Soak:
    """A simulated day as fast as it goes: gaps, NaN, reconnects; every decision beside that of the samples offline."""

    hours: float = 24.0  # of stream
    bundle: Path | None = None  # left out: a small untrained one, 8 channels at 250 Hz, 6 decisions a second
    json: Path | None = None  # write the figures here


@dataclass(frozen=True)
class Accuracy:
    """Our networks beside braindecode's and pyRiemann's: same recordings, splits and preprocessing, several seeds.

    Ours decode what was held out as live, hop by hop; peers see whole windows.
    """

    data: tuple[Path, ...] = ()  # dataset files; left out: the six real recordings of datasets/
    methods: tuple[str, ...] = ()  # recipes and networks of `glimpse train`, peers; left out: our main ones, every peer
    seeds: int = 3  # each holds out another recording, where the dataset file names no test files
    epochs: int = 50  # of training the peers' networks; ours train as their recipe says
    workers: int = 2  # processes of one thread each
    zero_shot: bool = True  # also retrieval among 200 concepts never trained on, from simulated EEG; needs GLIMPSE_DATA
    snr: float = 1.0  # strength of the responses simulated for that
    json: Path | None = None  # write the figures here; finished fits go to JSON.fits.jsonl, to go on from if stopped


@dataclass(frozen=True)
class Networks:
    """Every network exported: does its ONNX file answer as torch does, how large is it, how long does a hop take."""

    names: tuple[str, ...] = ()  # of networks; left out: every one that streams
    n_channels: int = 64  # that each network is built for
    json: Path | None = None  # write the figures here


def main(argv: list[str]) -> int:
    """Run `glimpse bench`."""
    peers = f"{getdoc(Accuracy)}\n\npeers: {', '.join(PEERS)}; EEGNet is braindecode's, eegnet ours"
    command = tyro.cli(
        Annotated[Latency, tyro.conf.subcommand("latency")]
        | Annotated[Throughput, tyro.conf.subcommand("throughput")]
        | Annotated[Ingest, tyro.conf.subcommand("ingest")]
        | Annotated[Soak, tyro.conf.subcommand("soak")]
        | Annotated[Accuracy, tyro.conf.subcommand("accuracy", description=peers)]
        | Annotated[Networks, tyro.conf.subcommand("networks")],
        args=argv,
        prog="glimpse bench",
        config=(tyro.conf.OmitSubcommandPrefixes, *TYRO_CONFIG),
    )
    check_folder_of(command.json, "--json")
    check_sizes(command)
    if isinstance(command, Latency | Throughput | Ingest | Soak):
        bench_live(command)
    elif isinstance(command, Networks):
        from benchmarks.networks.networks import networks, table_of

        measured = networks(command.names, command.n_channels, say)
        console.print(table_of(measured["networks"]))
        write(measured, command.json)
    else:
        bench_accuracy(command)
    return 0


def check_sizes(command: Any) -> None:
    """BadInput for a number that is too small to measure anything with, or none at all."""
    for key, least in LEAST.items():
        value = getattr(command, key, least)
        if not least <= value < math.inf:
            flag = f"--{key.replace('_', '-')}"
            raise BadInput(f"{flag}: {value:g} found, at least {least:g} is needed; give more")


def bench_live(command: Latency | Throughput | Ingest | Soak) -> None:
    """Live decoding against the clock; figures as tables, all of them in the JSON."""
    from benchmarks.live.tables import tables_of

    found: dict[str, Any]
    match command:
        case Latency():
            from benchmarks.common.large_bundle import large_bundle
            from benchmarks.live.latency import CONTEXTS_S, latency
            from serve.commands.demo import DEMO_BUNDLE

            peer, contexts_s = None if command.peer == "none" else command.peer, CONTEXTS_S if command.context else ()
            bundle = command.bundle or DEMO_BUNDLE
            with large_bundle(bundle) if command.large else nullcontext(bundle) as path:
                found = latency(command.seconds, path, peer, contexts_s, say)
        case Throughput():
            from benchmarks.live.throughput import sessions_held, throughput

            if command.search:
                tried = sessions_held(command.sessions, command.seconds, command.bundle, say)
                held = [one for one in tried if not one["deadline_misses"]]
                found = (held or tried)[-1] | {"sessions_held": held[-1]["sessions"] if held else 0, "search": tried}
            else:
                found = throughput(command.sessions, command.seconds, command.bundle)
        case Ingest():
            from benchmarks.live.ingest import ingest

            found = ingest(command.channels, command.sfreq, command.seconds)
        case Soak():
            from benchmarks.soak.soak import soak

            found = soak(command.hours, command.bundle, say)
    for table in tables_of(found):
        console.print(table)
    write(found, command.json)


def bench_accuracy(command: Accuracy) -> None:
    """Real recordings, then the zero-shot task; figures are written after each."""
    from benchmarks.accuracy.run import run_accuracy
    from benchmarks.accuracy.table import average, table_of, verdict
    from benchmarks.common.machine import machine

    vectors = concept_vectors() if command.zero_shot else None  # what is missing is known before hours of work
    kept = command.json.with_name(command.json.name + ".fits.jsonl") if command.json else None
    tasks = run_accuracy(command.data, command.methods, command.seeds, command.epochs, command.workers, kept, say)
    averages = {method: average(tasks, method) for method in next(iter(tasks.values()))}
    found: dict[str, Any] = {"tasks": tasks, "average": averages, "machine": machine()}
    write(found, command.json)
    wide = Console(width=max(console.width, LEAST_WIDTH))
    wide.print(table_of(tasks))
    for sentence in verdict(tasks):
        say(sentence)
    if vectors is not None:
        from benchmarks.zero_shot.run import zero_shot

        write(found | {"zero_shot": zero_shot(vectors, snr=command.snr, say=say)}, command.json)
    if kept:
        kept.unlink(missing_ok=True)  # finished: the next bench measures afresh


def say(sentence: str) -> None:
    """Print one line as it is."""
    console.print(sentence, markup=False, soft_wrap=True)


def concept_vectors() -> np.ndarray:
    """The CLIP vectors of the zero-shot task, from the folder of recordings."""
    if not (folder := os.environ.get("GLIMPSE_DATA")):
        raise BadInput(
            "--zero-shot: the environment variable GLIMPSE_DATA is not set; set it to the folder that holds the CLIP "
            "vectors or add --no-zero-shot"
        )
    from benchmarks.zero_shot.simulation import lvis_vectors

    return lvis_vectors(Path(folder))


def write(found: dict[str, Any], path: Path | None) -> None:
    """Write figures as JSON, where a path is given."""
    if path:
        path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
