"""`glimpse record`: LSL streams into an XDF file."""

import signal
import threading
from dataclasses import dataclass
from pathlib import Path

import tyro

from realtime.command_line import TYRO_CONFIG
from realtime.errors import BadInput
from realtime.recorder.bids_names import BidsName
from realtime.recorder.recorder import check_out, record_streams


@dataclass(frozen=True)
class Record:
    """Record LSL streams into an XDF file until Ctrl-C, then read it back."""

    out: tyro.conf.Positional[Path]  # a new .xdf file; or a folder: sub-P001/ses-S001/eeg/sub-P001_..._eeg.xdf in it
    stream: tuple[str, ...] = ()  # name or source_id, waited for; left out: every stream, also those that appear later
    seconds: float | None = None  # stop after this time; left out: at Ctrl-C
    sub: str | None = None  # participant in the name of a file in a folder; left out: P001
    ses: str | None = None  # session in that name; left out: S001
    task: str | None = None  # task in that name; left out: Default
    run: int | None = None  # number in that name; left out: the first free one


def main(argv: list[str]) -> int:
    """`glimpse record OUT`: 0 once the file is verified, also after Ctrl-C and SIGTERM; 1 if the disk failed."""
    options = tyro.cli(Record, args=argv, prog="glimpse record", config=(tyro.conf.UseAppendAction, *TYRO_CONFIG))
    entities = {key: getattr(options, key) for key in ("task", "sub", "ses", "run")}
    given = {key: value for key, value in entities.items() if value is not None}
    if given and options.out.suffix.lower() == ".xdf":
        raise BadInput(f"--{next(iter(given))} names a file in a folder, but {options.out} is a file; give one of both")
    if options.seconds is not None and not options.seconds > 0:
        raise BadInput(f"--seconds is {options.seconds:g}, it must be above 0")
    name = BidsName(**given)
    check_out(options.out)
    ending = threading.Event()
    before = {number: signal.signal(number, lambda *_: ending.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        result = record_streams(
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
    print(result.message)
    return 0 if result.complete else 1
