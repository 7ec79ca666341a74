"""LSL streams into an XDF file: raw samples, raw stamps, clock offsets, streams that come late, go and return."""

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

WAIT_S = 5.0  # how long the first stream may take to appear
BOUNDARY_EVERY_S, SYNC_EVERY_S = 10.0, 1.0  # the first as LabRecorder


class RecordingResult(NamedTuple):
    """What a recording has come to."""

    path: Path
    whole: bool  # whether it ran to its end and everything written was read back
    sentence: str


def check_out(out: Path) -> None:
    """BadInput unless `out` is a new .xdf file in a folder that exists, or a folder or the name of a new one."""
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
    say: Callable[[str, str], None],
    stopped: Callable[[], bool],
    seconds: float | None = None,
) -> RecordingResult:
    """Record until `stopped()`, `seconds` of time or a failing disk; then read the file back.

    `streams` are names or source_ids, each of which may appear at any time; with none every stream is recorded, those
    that appear later too. `out` as in `check_out`; in a folder the first free run of `name`. Stamps are the senders'
    own: clock offsets lie beside them, as XDF readers expect. `say` is called with "recording" and a sentence as
    streams come and go. BadInput if no stream is in sight within `WAIT_S` seconds; then there is no file either.
    """
    check_out(out)
    resolver = pylsl.ContinuousResolver(forget_after=5.0)
    began = time.monotonic()
    while not (found := _wanted(resolver, streams)) and time.monotonic() < began + WAIT_S and not stopped():
        time.sleep(0.05)
    if not found:
        sought = f"named {', '.join(map(repr, streams))}" if streams else "of any name"
        after = f"after {time.monotonic() - began:.0f} s"
        raise BadInput(f"no LSL stream {sought} in sight {after}; `glimpse streams` lists those that are")
    writer = _create(out, name)
    inlets = RecordedStreams(writer)
    say("recording", f"to {writer.path}")
    boundary = synced = time.monotonic()
    missing = set(streams)
    try:
        while not stopped() and not writer.failure:
            now = time.monotonic()
            if seconds is not None and inlets.began and now - inlets.began >= seconds:
                break
            for info in _wanted(resolver, streams):
                inlets.read(info)
                missing -= {info.name(), info.source_id()}
            if missing and now > began + 2 * WAIT_S:
                say("recording", f"waiting for {', '.join(map(repr, sorted(missing)))}, not in sight yet")
                missing = set()
            if now - boundary >= BOUNDARY_EVERY_S:
                boundary = now
                writer.boundary()
            if now - synced >= SYNC_EVERY_S:
                synced = now
                writer.sync()
            inlets.tell(say)
            time.sleep(0.05)
    except OSError as error:
        if error is not writer.failure:
            raise
    finally:
        lasted_s = time.monotonic() - (inlets.began or time.monotonic())
        inlets.close()
        writer.close()
    inlets.tell(say)
    whole, sentence = verify_xdf(writer.path, writer.streams)
    if writer.failure:
        reason = writer.failure.strerror or str(writer.failure)
        sentence = f"recording stopped after {lasted_s:.1f} s, the file cannot be written ({reason}); {sentence}"
    return RecordingResult(writer.path, whole and not writer.failure, f"{writer.path}: {sentence}")


def _create(out: Path, name: BidsName) -> XdfWriter:
    for path in name.paths(out) if out.suffix.lower() != ".xdf" else (out,):
        with suppress(FileExistsError):
            if path != out:
                path.parent.mkdir(parents=True, exist_ok=True)
            return XdfWriter(path)
    raise BadInput(f"{out}: came into being meanwhile, and no recording is ever overwritten; choose another name")


def _wanted(resolver: pylsl.ContinuousResolver, names: Collection[str]) -> list[pylsl.StreamInfo]:
    return [info for info in resolver.results() if not names or info.name() in names or info.source_id() in names]
