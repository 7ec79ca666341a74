"""`glimpse doctor`: what works on this machine, what does not, and what to do."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.text import Text

from realtime.command_line import TYRO_CONFIG, make_table, table_console
from realtime.diagnostics.checks import run_checks
from realtime.diagnostics.finding import Finding
from realtime.errors import check_folder_of

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@dataclass(frozen=True)
class Doctor:
    """Say what works on this machine, what does not, and what to do.

    `glimpse certify` measures how much the machine can decode.
    """

    json: Path | None = None  # also write the findings to this file


def main(argv: list[str]) -> int:
    """`glimpse doctor [--json FILE]`: 0 if this machine can decode, else 1."""
    command = doctor_from_args(argv)
    findings = run_checks()
    print_findings(findings)
    write_findings([finding.to_json() for finding in findings], command.json)
    return int(any(finding.state == "fail" for finding in findings))


def print_findings(findings: Sequence[Finding]) -> None:
    """Print a row for each, the advice below the finding: side by side both columns would be too narrow."""
    table = make_table("", "", "found, and what to do")
    for finding in findings:
        text = finding.found + (f"\n-> {finding.advice}" if finding.advice else "")
        table.add_row(Text(finding.state, COLOURS[finding.state]), finding.check, text)
    table_console().print(table)


def write_findings(findings: Sequence[dict[str, str]], path: Path | None) -> None:
    """Write the findings as JSON if a path is given."""
    if path is not None:
        path.write_text(json.dumps(findings, indent=1) + "\n", encoding="utf-8")


def doctor_from_args(argv: list[str]) -> Doctor:
    """The arguments; BadInput if the findings cannot be written."""
    command = tyro.cli(Annotated[Doctor, tyro.conf.arg(name="")], args=argv, prog="glimpse doctor", config=TYRO_CONFIG)
    check_folder_of(command.json, "--json")
    return command
