"""`glimpse bench`: figures anybody can rerun."""

import json
from contextlib import nullcontext
from inspect import getdoc
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console

from benchmarks.commands.bench_arguments import (
    AccuracyArguments,
    BadChannelsArguments,
    BenchArguments,
    IngestArguments,
    LatencyArguments,
    NetworksArguments,
    SoakArguments,
    ThroughputArguments,
    check_arguments,
)
from benchmarks.peers.classifiers import PEERS
from realtime.command_line import TYRO_CONFIG

console = Console(highlight=False)
MIN_WIDTH = 150  # columns that a table of six tasks needs, also where output goes to a file

Figures = dict[str, Any]


def main(argv: list[str]) -> int:
    """Run `glimpse bench`; 0, since a bench only measures."""
    arguments = bench_arguments(argv)
    check_arguments(arguments)
    match arguments:
        case LatencyArguments():
            print_live(bench_latency(arguments), arguments.json)
        case ThroughputArguments():
            print_live(bench_throughput(arguments), arguments.json)
        case IngestArguments():
            print_live(bench_ingest(arguments), arguments.json)
        case SoakArguments():
            print_live(bench_soak(arguments), arguments.json)
        case AccuracyArguments():
            bench_accuracy(arguments)
        case NetworksArguments():
            bench_networks(arguments)
        case BadChannelsArguments():
            bench_bad_channels(arguments)
    return 0


def bench_arguments(argv: list[str]) -> BenchArguments:
    """The sub-command's arguments."""
    peers = f"{getdoc(AccuracyArguments)}\n\npeers: {', '.join(PEERS)}; EEGNet is braindecode's, eegnet Glimpse's"
    return tyro.cli(
        Annotated[LatencyArguments, tyro.conf.subcommand("latency")]
        | Annotated[ThroughputArguments, tyro.conf.subcommand("throughput")]
        | Annotated[IngestArguments, tyro.conf.subcommand("ingest")]
        | Annotated[SoakArguments, tyro.conf.subcommand("soak")]
        | Annotated[AccuracyArguments, tyro.conf.subcommand("accuracy", description=peers)]
        | Annotated[NetworksArguments, tyro.conf.subcommand("networks")]
        | Annotated[BadChannelsArguments, tyro.conf.subcommand("bad-channels")],
        args=argv,
        prog="glimpse bench",
        config=(tyro.conf.OmitSubcommandPrefixes, *TYRO_CONFIG),
    )


def bench_latency(arguments: LatencyArguments) -> Figures:
    """Figures of `glimpse bench latency`."""
    from benchmarks.common.large_bundle import large_bundle
    from benchmarks.live.latency import CONTEXTS_S, latency
    from serve.commands.demo import DEMO_BUNDLE

    peer = None if arguments.peer == "none" else arguments.peer
    bundle = arguments.bundle or DEMO_BUNDLE
    with large_bundle(bundle) if arguments.large else nullcontext(bundle) as path:
        return latency(arguments.seconds, path, peer, CONTEXTS_S if arguments.context else (), print_line)


def bench_throughput(arguments: ThroughputArguments) -> Figures:
    """Figures of `glimpse bench throughput`."""
    from benchmarks.live.throughput import search_sessions, throughput

    if arguments.search:
        return search_sessions(arguments.sessions, arguments.seconds, arguments.bundle, print_line)
    return throughput(arguments.sessions, arguments.seconds, arguments.bundle)


def bench_ingest(arguments: IngestArguments) -> Figures:
    """Figures of `glimpse bench ingest`."""
    from benchmarks.live.ingest import ingest

    return ingest(arguments.channels, arguments.sfreq, arguments.seconds)


def bench_soak(arguments: SoakArguments) -> Figures:
    """Figures of `glimpse bench soak`."""
    from benchmarks.soak.soak import soak

    return soak(arguments.hours, arguments.bundle, print_line)


def bench_accuracy(arguments: AccuracyArguments) -> None:
    """Real recordings, then the zero-shot task; figures are written after each."""
    from benchmarks.accuracy.run import run_accuracy
    from benchmarks.accuracy.table import accuracy_table, average, compare_with_peers
    from benchmarks.common.machine import machine

    vectors = None
    if arguments.zero_shot:  # what is missing is reported before hours of work
        from benchmarks.zero_shot.simulation import concept_vectors

        vectors = concept_vectors()
    path = arguments.json
    cache_file = path.with_name(path.name + ".fits.jsonl") if path else None
    tasks = run_accuracy(
        arguments.data,
        arguments.methods,
        arguments.seeds,
        arguments.epochs,
        arguments.workers,
        cache_file,
        print_line,
    )
    averages = {method: average(tasks, method) for method in next(iter(tasks.values()))}
    figures: Figures = {"tasks": tasks, "average": averages, "machine": machine()}
    write_figures(figures, path)
    Console(width=max(console.width, MIN_WIDTH)).print(accuracy_table(tasks))
    for sentence in compare_with_peers(tasks):
        print_line(sentence)
    if vectors is not None:
        from benchmarks.zero_shot.run import zero_shot

        write_figures(figures | {"zero_shot": zero_shot(vectors, snr=arguments.snr, say=print_line)}, path)
    if cache_file:
        cache_file.unlink(missing_ok=True)  # finished: the next bench measures everything again


def bench_networks(arguments: NetworksArguments) -> None:
    """Measure, print and write the figures of every network."""
    from benchmarks.networks.networks import measure_networks, networks_table

    figures = measure_networks(arguments.names, arguments.n_channels, print_line)
    console.print(networks_table(figures["networks"]))
    write_figures(figures, arguments.json)


def bench_bad_channels(arguments: BadChannelsArguments) -> None:
    """Measure, print and write accuracy and confidence on bad data."""
    from benchmarks.robustness.bad_channels import bad_channels, bad_channels_tables

    figures = bad_channels(arguments.bundle, arguments.minutes, print_line)
    for table in bad_channels_tables(figures):
        console.print(table)
    write_figures(figures, arguments.json)


def print_live(figures: Figures, path: Path | None) -> None:
    """Print the figures of live decoding as tables and write all of them to `path`."""
    from benchmarks.live.tables import live_tables

    for table in live_tables(figures):
        console.print(table)
    write_figures(figures, path)


def print_line(sentence: str) -> None:
    """Print one line without markup or wrapping."""
    console.print(sentence, markup=False, soft_wrap=True)


def write_figures(figures: Figures, path: Path | None) -> None:
    """Write figures as JSON, where a path is given."""
    if path:
        path.write_text(json.dumps(figures, indent=1) + "\n")
