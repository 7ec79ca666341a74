"""The streams of one recording, each read in a thread of its own, from its first connection to its last."""

import queue
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from xml.etree import ElementTree

import numpy as np
import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as LslTimeout

from realtime.errors import BadInput
from realtime.markers import decode_text
from realtime.recorder.xdf_writer import XdfWriter

OFFSET_EVERY_S = 5.0  # as LabRecorder
PULL_S = 0.05  # signals are written in pieces this long
SILENT_S = 1.0  # a stream that has given nothing for this long may be continued by its successor
RETRY_S = 1.0  # until a stream whose connection broke is tried again
BUFFER_S = 360  # what liblsl keeps while the disk is slow
MOST = 4096  # samples taken at once
# What differs between two runs of one sender: none of it makes it another stream.
VOLATILE = {"uid", "created_at", "session_id", "hostname", "version"}
DESC = re.compile("<desc>.*</desc>", re.DOTALL)
NO_XML = re.compile(r"&#(x[0-9a-f]+|\d+);|[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", re.IGNORECASE)


class RecordedStreams:
    """Every stream of one recording: a reader for each, and which reader writes which stream of the file."""

    def __init__(self, writer: XdfWriter):
        self.writer = writer
        self.news: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.ending = threading.Event()
        self.began: float | None = None  # when the first stream was open
        self._readers: dict[str, _Reader] = {}  # by uid
        self._opened: set[str] = set()  # uids being read
        self._silent: set[str] = set()  # uids of which it was said that nothing comes
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
            self._opened.add(reader.uid)
            self.began = self.began or time.monotonic()
        self.news.put(f"{self.writer.streams[number].name} {'is back' if known else 'is being recorded'}")
        return number

    def lost(self, reader: "_Reader") -> None:
        """Say once that a stream has gone, or that it is in sight and cannot be reached."""
        with self._lock:
            if reader.uid in self._opened:
                self._opened.discard(reader.uid)
                self._silent.add(reader.uid)
                self.news.put(f"{reader.stream} is lost; it goes on as soon as it is back")
            elif reader.uid not in self._silent:
                self._silent.add(reader.uid)
                self.news.put(f"{reader.stream} is in sight but does not answer; a firewall may be in the way")

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

    def __init__(self, inlets: RecordedStreams, info: pylsl.StreamInfo):
        super().__init__(name=f"glimpse-record-{info.name()}", daemon=True)
        self.stream, self.uid = info.name(), info.uid()
        self.newest = time.monotonic()  # when the last sample came, or it ended
        self._inlets, self._info = inlets, info
        self._text = info.channel_format() == pylsl.cf_string
        self._most = 256 if self._text else MOST
        self._least = 1 if self._text else min(MOST, max(1, round(info.nominal_srate() * PULL_S)))

    def run(self) -> None:
        """Read until the stream is lost, the session ends or the disk is full."""
        try:
            # Nothing is done to stamps, and liblsl may not put another stream in the place of this one.
            inlet = pylsl.StreamInlet(self._info, max_buflen=BUFFER_S, recover=False, processing_flags=pylsl.proc_none)
            inlet.open_stream(timeout=5.0)
            full = inlet.info(timeout=5.0).as_xml()
            header = readable(full)
            if DESC.search(full) and not DESC.search(header):
                self._inlets.news.put(f"the description of {self.stream} is no XML and was left out")
            number = self._inlets.number(self, header)
            try:
                self._copy(inlet, number)
            finally:
                inlet.close_stream()
        except (LostError, LslTimeout):
            self._inlets.lost(self)
        except BadInput as error:
            self._inlets.news.put(str(error))
            self.newest = np.inf  # another try would give no other header
            return
        except OSError:
            pass  # the writer keeps why
        self.newest = time.monotonic()

    def busy(self) -> bool:
        """Whether it may still give samples: a frozen sender keeps its connection for half a minute."""
        return self.is_alive() and time.monotonic() - self.newest < SILENT_S

    def _copy(self, inlet: pylsl.StreamInlet, number: int) -> None:
        offset_due = time.monotonic()
        while not self._inlets.ending.is_set():
            if time.monotonic() >= offset_due and self._inlets.owns(self):
                with suppress(LslTimeout):  # liblsl goes on measuring; whoever waited for it might miss the last marker
                    offset = inlet.time_correction(timeout=0.001)
                    self._inlets.writer.clock_offset(number, pylsl.local_clock() - offset, offset)
                    offset_due = time.monotonic() + OFFSET_EVERY_S
            self._pull(inlet, number, 0.2)
        while self._pull(inlet, number, 0.0):
            pass

    def _pull(self, inlet: pylsl.StreamInlet, number: int, timeout_s: float) -> int:
        values, stamps = inlet.pull_chunk(timeout_s, self._most, min_samples=self._least, as_numpy=True)
        if len(stamps):
            self.newest = time.monotonic()
            self._inlets.writer.samples(number, stamps, _texts(values) if self._text else values)
        return len(stamps)


def readable(header: str) -> str:
    """A header without what liblsl passes on and XML 1.0 forbids, in need without its description.

    One wrong character in it and no reader would load the file.
    """
    clean = NO_XML.sub(lambda found: found[0] if _allowed(found) else "?", header)
    try:
        ElementTree.fromstring(clean)
    except ElementTree.ParseError:
        return DESC.sub("<desc />", clean)
    return clean


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
    return [[decode_text(value) for value in row] for row in values]
