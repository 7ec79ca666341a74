"""`glimpse certify`: what this machine can hold, as a page and JSON."""

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from benchmarks.certify.certify import BenchSizes, certify
from benchmarks.certify.page import certificate_page
from benchmarks.commands.bench_arguments import Peer
from benchmarks.live.tables import live_tables
from benchmarks.peers.network_widths import check_peer_loop_installed
from realtime.command_line import TYRO_CONFIG
from realtime.commands.doctor import write_findings
from realtime.errors import BadInput, check_folder_of

console = Console(highlight=False)
PAGE, FIGURES = "certificate.html", "certificate.json"


@dataclass(frozen=True)
class CertifyArguments:
    """Measure what this machine can decode, and write a page with plots and all figures.

    It takes some minutes: delay of a decision, sessions at once, a MEG helmet, an hour of stream. The peer is the loop
    of mne-lsl's StreamLSL and a braindecode network. Close other programs.
    """

    out: Path = Path("certificate")  # folder for certificate.html and certificate.json
    peer: Peer = "EEGConformer"  # the peer's network; none: no peer
    json: Path | None = None  # also write the findings of `glimpse doctor` to this file


def main(argv: list[str]) -> int:
    """Run `glimpse certify`: 0 where every bench ran without a missed deadline or a lost sample, else 1."""
    arguments = certify_arguments(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)
    result = certify(BenchSizes(), None if arguments.peer == "none" else arguments.peer, console.print)
    write_findings(result["doctor"], arguments.json)
    (arguments.out / FIGURES).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (arguments.out / PAGE).write_text(certificate_page(result), encoding="utf-8")
    for bench in ("latency", "throughput", "ingest", "soak"):
        console.rule(bench)
        for table in live_tables(result[bench]):
            console.print(table)
    for sentence in result["verdict"]:
        console.print(sentence)
    console.print(f"Does not hold: {'; '.join(result['faults'])}." if result["faults"] else "Holds.")
    console.print(f"The page with plots: {arguments.out / PAGE}")
    return 0 if result["holds"] else 1


def certify_arguments(argv: list[str]) -> CertifyArguments:
    """The arguments; BadInput for files that cannot be written and for a library that is missing."""
    arguments = tyro.cli(
        Annotated[CertifyArguments, tyro.conf.arg(name="")], args=argv, prog="glimpse certify", config=TYRO_CONFIG
    )
    check_folder_of(arguments.json, "--json")
    if arguments.out.exists() and not arguments.out.is_dir():
        raise BadInput(f"--out: {arguments.out} is a file, a folder is needed; name another")
    if importlib.util.find_spec("torch") is None:
        raise ModuleNotFoundError("torch", name="torch")
    if arguments.peer != "none":
        check_peer_loop_installed("--peer none")
    return arguments
