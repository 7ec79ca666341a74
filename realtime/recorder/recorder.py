"""Records LSL streams into an XDF file: raw samples, raw stamps, clock offsets, through loss and return of a stream."""

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pylsl

from realtime.errors import BadInput
from realtime.recorder.bids_names import BidsName
from realtime.recorder.inlets import RecordedStreams
from realtime.recorder.xdf_verify import verify_xdf
from realtime.recorder.xdf_writer import XdfWriter

WAIT_S = 5.0  # until the first stream has to appear
BOUNDARY_INTERVAL_S, SYNC_INTERVAL_S = 10.0, 1.0  # the first as LabRecorder
POLL_INTERVAL_S = 0.05  # between two looks for new streams

Report = Callable[[str, str], None]  # state and one sentence


class RecordingResult(NamedTuple):
    """How a recording ended."""

    path: Path
    complete: bool  # whether it ran to its end and everything written was read back
    message: str


def check_out(out: Path) -> None:
    """Raise BadInput unless `out` is a new .xdf file in a folder that exists, a folder, or the name of a new one."""
    if out.suffix.lower() != ".xdf":
        if out.suffix and not out.is_dir():
            raise BadInput(f"{out}: recordings are XDF; name a file that ends in .xdf, or a folder")
        if out.exists() and not out.is_dir():
            raise BadInput(f"{out}: is a file, but a new .xdf file or a folder is needed; choose another name")
    elif out.exists():
        raise BadInput(f"{out}: exists, and no recording is ever overwritten; choose another name, or give a folder")
    elif not out.absolute().parent.is_dir():
        raise BadInput(f"{out}: cannot be written, there is no folder {out.absolute().parent}; make it first")


def record_streams(
    out: Path,
    streams: Collection[str],
    name: BidsName,
    report: Report,
    stopped: Callable[[], bool],
    seconds: float | None = None,
) -> RecordingResult:
    """Record until `stopped()`, for `seconds` seconds or until the disk fails; then read the file back.

    `streams` are names or source_ids, each of which may appear at any time; without any, every stream is recorded,
    also those that appear later. `out` as in `check_out`; in a folder the first free run of `name`. Stamps are the
    senders' own, with clock offsets as XDF readers expect them. `report` is called with "recording" and a sentence as
    streams come and go. BadInput if no stream is visible within `WAIT_S` seconds; then no file is written.
    """
    check_out(out)
    resolver = pylsl.ContinuousResolver(forget_after=5.0)
    started = _wait_for_streams(resolver, streams, stopped)
    writer = _create(out, name)
    recorded = RecordedStreams(writer)
    report("recording", f"to {writer.path}")
    try:
        _record_until_end(resolver, streams, recorded, report, stopped, started, seconds)
    except OSError as error:
        if error is not writer.failure:
            raise
    finally:
        lasted_s = recorded.lasted_s
        recorded.close()
        writer.close()
    recorded.drain_events(report)
    complete, message = verify_xdf(writer.path, writer.streams)
    if writer.failure:
        reason = writer.failure.strerror or str(writer.failure)
        message = f"recording stopped after {lasted_s:.1f} s, the file cannot be written ({reason}); {message}"
    return RecordingResult(writer.path, complete and not writer.failure, f"{writer.path}: {message}")


def _wait_for_streams(
    resolver: pylsl.ContinuousResolver, streams: Collection[str], stopped: Callable[[], bool]
) -> float:
    """Return once a stream is visible; the `time.monotonic()` at which the search started."""
    started = time.monotonic()
    while not (visible := _matching(resolver, streams)) and time.monotonic() < started + WAIT_S and not stopped():
        time.sleep(POLL_INTERVAL_S)
    if not visible:
        which = f"called {', '.join(map(repr, streams))}" if streams else "of any name"
        after = f"after {time.monotonic() - started:.0f} s"
        raise BadInput(f"no LSL stream {which} is visible {after}; `glimpse streams` lists those that are")
    return started


def _record_until_end(
    resolver: pylsl.ContinuousResolver,
    streams: Collection[str],
    recorded: RecordedStreams,
    report: Report,
    stopped: Callable[[], bool],
    started: float,
    seconds: float | None,
) -> None:
    """Start readers for streams that appear, and keep the file in order; OSError if the disk fails."""
    writer, missing = recorded.writer, set(streams)
    boundary = synced = time.monotonic()
    while not stopped() and not writer.failure:
        now = time.monotonic()
        if seconds is not None and recorded.lasted_s >= seconds:
            break
        for info in _matching(resolver, streams):
            recorded.read(info)
            missing -= {info.name(), info.source_id()}
        if missing and now > started + 2 * WAIT_S:
            report("recording", f"waiting for {', '.join(map(repr, sorted(missing)))}, not visible yet")
            missing = set()
        if now - boundary >= BOUNDARY_INTERVAL_S:
            boundary = now
            writer.boundary()
        if now - synced >= SYNC_INTERVAL_S:
            synced = now
            writer.sync()
        recorded.drain_events(report)
        time.sleep(POLL_INTERVAL_S)


def _create(out: Path, name: BidsName) -> XdfWriter:
    for path in name.paths(out) if out.suffix.lower() != ".xdf" else (out,):
        with suppress(FileExistsError):
            if path != out:
                path.parent.mkdir(parents=True, exist_ok=True)
            return XdfWriter(path)
    raise BadInput(f"{out}: came into being meanwhile, and no recording is ever overwritten; choose another name")


def _matching(resolver: pylsl.ContinuousResolver, names: Collection[str]) -> list[pylsl.StreamInfo]:
    return [info for info in resolver.results() if not names or info.name() in names or info.source_id() in names]
