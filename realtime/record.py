"""LSL streams into an XDF file: raw samples, raw stamps, clock offsets, streams that come late, go and return."""

import queue
import re
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as LslTimeout

from realtime.bids_names import BidsName
from realtime.errors import BadInput
from realtime.xdf_check import check_xdf
from realtime.xdf_writer import XdfWriter

WAIT_S = 5.0  # how long the first stream may take to appear
OFFSET_EVERY_S, BOUNDARY_EVERY_S, SYNC_EVERY_S = 5.0, 10.0, 1.0  # the first two as LabRecorder
PULL_S = 0.05  # signals are written in pieces this long
SILENT_S = 1.0  # a stream that has given nothing for this long may be continued by its successor
RETRY_S = 1.0  # until a stream whose connection broke is tried again
BUFFER_S = 360  # what liblsl keeps while the disk is slow
MOST = 4096  # samples taken at once
# What differs between two runs of one sender: neither makes it another stream.
VOLATILE = {"uid", "created_at", "session_id", "hostname", "version"}
NO_XML = re.compile(r"&#(x[0-9a-f]+|\d+);|[\x00-\x08\x0b\x0c\x0e-\x1f]", re.IGNORECASE)


class Recorded(NamedTuple):
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


def record(
    out: Path,
    streams: Collection[str],
    name: BidsName,
    say: Callable[[str, str], None],
    stopped: Callable[[], bool],
    seconds: float | None = None,
) -> Recorded:
    """Record until `stopped()`, `seconds` of time or a failing disk; then read the file back.

    `streams` are names or source_ids, each of which may appear at any time; with none every stream is recorded, those
    that appear later too. `out` as in `check_out`; in a folder the first free run of `name`. Stamps are the senders'
    own: clock offsets lie beside them, as XDF readers expect. `say` is called with "recording" and a sentence as
    streams come and go. BadInput if no stream is in sight within `WAIT_S` seconds; then there is no file either.
    """
    check_out(out)
    resolver = pylsl.ContinuousResolver(forget_after=5.0)
    until = time.monotonic() + WAIT_S
    while not (found := _wanted(resolver, streams)) and time.monotonic() < until and not stopped():
        time.sleep(0.05)
    if not found:
        sought = f"named {', '.join(map(repr, streams))}" if streams else "of any name"
        raise BadInput(f"no LSL stream {sought} in sight after {WAIT_S:g} s; `glimpse streams` lists those that are")
    writer = _create(out, name)
    session = _Session(writer)
    say("recording", f"to {writer.path}")
    boundary = synced = time.monotonic()
    missing = set(streams)
    with suppress(OSError):  # kept as writer.failure
        while not stopped() and not writer.failure:
            now = time.monotonic()
            if seconds is not None and session.began and now - session.began >= seconds:
                break
            for info in _wanted(resolver, streams):
                session.read(info)
                missing -= {info.name(), info.source_id()}
            if missing and now > until + WAIT_S:
                say("recording", f"waiting for {', '.join(map(repr, sorted(missing)))}, not in sight yet")
                missing = set()
            if now - boundary >= BOUNDARY_EVERY_S:
                boundary = now
                writer.boundary()
            if now - synced >= SYNC_EVERY_S:
                synced = now
                writer.sync()
            session.tell(say)
            time.sleep(0.05)
    lasted_s = time.monotonic() - (session.began or time.monotonic())
    session.close()
    session.tell(say)
    writer.close()
    whole, sentence = check_xdf(writer.path, writer.streams)
    if writer.failure:
        reason = writer.failure.strerror or str(writer.failure)
        sentence = f"recording stopped after {lasted_s:.1f} s, the file cannot be written ({reason}); {sentence}"
    return Recorded(writer.path, whole and not writer.failure, f"{writer.path}: {sentence}")


def _create(out: Path, name: BidsName) -> XdfWriter:
    for path in name.paths(out) if out.suffix.lower() != ".xdf" else (out,):
        with suppress(FileExistsError):
            if path != out:
                path.parent.mkdir(parents=True, exist_ok=True)
            return XdfWriter(path)
    raise BadInput(f"{out}: came into being meanwhile, and no recording is ever overwritten; choose another name")


def _wanted(resolver: pylsl.ContinuousResolver, names: Collection[str]) -> list[pylsl.StreamInfo]:
    return [info for info in resolver.results() if not names or info.name() in names or info.source_id() in names]


class _Session:
    """The readers of one recording, and which of them writes which stream of the file."""

    def __init__(self, writer: XdfWriter):
        self.writer = writer
        self.news: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.ending = threading.Event()
        self.began: float | None = None  # when the first stream was open
        self._readers: dict[str, _Reader] = {}  # by uid
        self._owners: dict[int, tuple[str, _Reader]] = {}  # by number in the file: identity, newest reader
        self._lock = threading.Lock()

    def read(self, info: pylsl.StreamInfo) -> None:
        """Begin to read a stream unless it is being read."""
        reader = self._readers.get(info.uid())
        if reader is None or (not reader.is_alive() and time.monotonic() - reader.newest > RETRY_S):
            self._readers[info.uid()] = _Reader(self, info)
            self._readers[info.uid()].start()

    def number(self, reader: "_Reader", header: str) -> int:
        """Number in the file of the stream that `reader` has opened.

        One that returns with an unchanged header goes on under its number, as LabRecorder has it: readers expect one
        EEG stream a session, with a hole. With any other header (labels, rate, units) it is another stream.
        """
        identity = _identity(header)
        with self._lock:
            known = [n for n, (of, owner) in self._owners.items() if of == identity and not owner.busy()]
            number = known[0] if known else self.writer.add_stream(header)
            self._owners[number] = identity, reader
            self.began = self.began or time.monotonic()
        self.news.put(f"{self.writer.streams[number].name} {'is back' if known else 'is being recorded'}")
        return number

    def owns(self, reader: "_Reader") -> bool:
        """Whether no newer reader writes the same stream."""
        return any(owner is reader for _, owner in list(self._owners.values()))

    def tell(self, say: Callable[[str, str], None]) -> None:
        """Pass on what the readers have to say."""
        with suppress(queue.Empty):
            while True:
                say("recording", self.news.get_nowait())

    def close(self) -> None:
        """Have every reader write what has arrived, and end."""
        self.ending.set()
        for reader in self._readers.values():
            reader.join(timeout=2.0)  # one that is still opening a stream has nothing to write


class _Reader(threading.Thread):
    """One connection to one stream.

    A thread each, waiting inside liblsl: when a sender dies, liblsl drops what nobody was waiting for, and the last
    marker of an experiment is often sent right before it ends (measured: a reader that looks every 0.1 s loses it).
    """

    def __init__(self, session: _Session, info: pylsl.StreamInfo):
        super().__init__(name=f"glimpse-record-{info.name()}", daemon=True)
        self.newest = time.monotonic()  # when the last sample came, or it ended
        self._session, self._info = session, info
        self._text = info.channel_format() == pylsl.cf_string
        self._most = 256 if self._text else MOST
        self._least = 1 if self._text else min(MOST, max(1, round(info.nominal_srate() * PULL_S)))

    def run(self) -> None:
        """Read until the stream is lost, the session ends or the disk is full."""
        name = self._info.name()
        try:
            # Nothing is done to stamps, and liblsl may not put another stream in the place of this one.
            inlet = pylsl.StreamInlet(self._info, max_buflen=BUFFER_S, recover=False, processing_flags=pylsl.proc_none)
            inlet.open_stream(timeout=5.0)
            number = self._session.number(self, readable(inlet.info(timeout=5.0).as_xml()))
            try:
                self._copy(inlet, number)
            finally:
                inlet.close_stream()
        except (LostError, LslTimeout):
            self._session.news.put(f"{name} is lost; it goes on as soon as it is back")
        except BadInput as error:
            self._session.news.put(str(error))
        except OSError:
            pass  # the writer keeps why
        self.newest = time.monotonic()

    def busy(self) -> bool:
        """Whether it may still give samples: a frozen sender keeps its connection for half a minute."""
        return self.is_alive() and time.monotonic() - self.newest < SILENT_S

    def _copy(self, inlet: pylsl.StreamInlet, number: int) -> None:
        offset_due = time.monotonic()
        while not self._session.ending.is_set():
            if time.monotonic() >= offset_due and self._session.owns(self):
                with suppress(LslTimeout):  # liblsl goes on measuring; whoever waited for it might miss the last marker
                    offset = inlet.time_correction(timeout=0.001)
                    self._session.writer.clock_offset(number, pylsl.local_clock() - offset, offset)
                    offset_due = time.monotonic() + OFFSET_EVERY_S
            self._pull(inlet, number, 0.2)
        while self._pull(inlet, number, 0.0):
            pass

    def _pull(self, inlet: pylsl.StreamInlet, number: int, timeout_s: float) -> int:
        values, stamps = inlet.pull_chunk(timeout_s, self._most, min_samples=self._least, as_numpy=True)
        if len(stamps):
            self.newest = time.monotonic()
            self._session.writer.samples(number, stamps, _texts(values) if self._text else values)
        return len(stamps)


def readable(header: str) -> str:
    """A header without the characters that liblsl passes on and XML 1.0 forbids: one of them and no file loads."""
    return NO_XML.sub(lambda found: found[0] if _allowed(found) else "?", header)


def _allowed(found: re.Match) -> bool:
    code = found[1]
    if code is None:
        return False
    number = int(code[1:], 16) if code[0] in "xX" else int(code)
    return number in (9, 10, 13) or 32 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or 0x10000 <= number < 0x110000


def _identity(header: str) -> str:
    """What two headers have in common when they are of one stream."""
    info = ElementTree.fromstring(header)
    source = info.findtext("source_id") or info.findtext("hostname") or ""
    same = [ElementTree.tostring(e, "unicode") for e in info if e.tag not in VOLATILE and e.tag[:2] not in ("v4", "v6")]
    return "".join([source, *same])


def _texts(values: np.ndarray) -> list[list[str]]:
    """Text as XDF wants it, UTF-8; what is none was sent by a program of the Latin-1 era."""
    return [[_decoded(value) for value in row] for row in values]


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
