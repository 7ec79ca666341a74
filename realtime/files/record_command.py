"""`glimpse record`: LSL streams into an XDF file."""

import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from realtime.errors import BadInput
from realtime.files.bids_names import BidsName
from realtime.files.record import check_out, record


@dataclass(frozen=True)
class Record:
    """Record LSL streams into an XDF file until Ctrl-C, then read it back."""

    out: tyro.conf.Positional[
        Annotated[Path, tyro.conf.arg(metavar="OUT")]
    ]  # a new .xdf file, or a folder: sub-P001/ses-S001/eeg/sub-P001_ses-S001_task-Default_run-001_eeg.xdf in it
    stream: tuple[str, ...] = ()  # names or source_ids, waited for; none: every stream, also those that appear later
    seconds: float | None = None  # stop after this long
    task: str | None = None  # of the name in a folder; Default
    sub: str | None = None  # P001
    ses: str | None = None  # S001
    run: int | None = None  # 1; the next free number is taken


def main(argv: list[str]) -> int:
    """`glimpse record OUT`: 0 once the file is verified, also after Ctrl-C and SIGTERM; 1 if the disk failed."""
    options = tyro.cli(Record, args=argv, prog="glimpse record", config=(tyro.conf.UseAppendAction,))
    parts = {key: getattr(options, key) for key in ("task", "sub", "ses", "run")}
    given = {key: value for key, value in parts.items() if value is not None}
    if given and options.out.suffix.lower() == ".xdf":
        raise BadInput(f"--{next(iter(given))} names a file in a folder, but {options.out} is a file; give one of both")
    if options.seconds is not None and not options.seconds > 0:
        raise BadInput(f"--seconds is {options.seconds:g}, it must be above 0")
    name = BidsName(**given)
    check_out(options.out)
    ending = threading.Event()
    before = {number: signal.signal(number, lambda *_: ending.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        done = record(
            options.out,
            options.stream,
            name,
            lambda _, sentence: print(sentence, flush=True),
            ending.is_set,
            options.seconds,
        )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    print(done.sentence)
    return 0 if done.whole else 1
