"""`glimpse doctor --certify`: what this machine can hold, as a page and JSON."""

import importlib.util
import json

from rich.console import Console

from benchmarks.certify.certify import Sizes, certify
from benchmarks.certify.page import certificate_page
from benchmarks.live.tables import tables_of
from benchmarks.peers.networks import check_installed
from realtime.commands.doctor import doctor_from_args, write_findings
from realtime.errors import BadInput

console = Console(highlight=False)
PAGE, FIGURES = "certificate.html", "certificate.json"


def main(argv: list[str]) -> int:
    """Run `glimpse doctor --certify`: 0 where every part went without a missed deadline or a lost sample."""
    command = doctor_from_args(argv)
    if command.out.exists() and not command.out.is_dir():
        raise BadInput(f"--out: {command.out} is a file, a folder is needed; name another")
    if importlib.util.find_spec("torch") is None:
        raise ModuleNotFoundError("torch", name="torch")
    if command.peer != "none":
        check_installed("--peer none")
    command.out.mkdir(parents=True, exist_ok=True)
    found = certify(Sizes(), None if command.peer == "none" else command.peer, console.print)
    write_findings(found["doctor"], command.json)
    (command.out / FIGURES).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (command.out / PAGE).write_text(certificate_page(found), encoding="utf-8")
    for part in ("latency", "throughput", "ingest", "soak"):
        console.rule(part)
        for table in tables_of(found[part]):
            console.print(table)
    for sentence in found["verdict"]:
        console.print(sentence)
    console.print(f"Does not hold: {'; '.join(found['faults'])}." if found["faults"] else "Holds.")
    console.print(f"The page with plots: {command.out / PAGE}")
    return 0 if found["holds"] else 1
