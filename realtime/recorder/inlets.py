"""The streams of one recording, each read in a thread of its own, through loss and return."""

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

OFFSET_INTERVAL_S = 5.0  # between two clock offsets; as LabRecorder
PULL_S = 0.05  # signals are written in chunks this long
SILENT_S = 1.0  # a stream that delivered nothing for this long may be continued by another sender
RETRY_S = 1.0  # until a stream whose connection broke is connected again
BUFFER_S = 360  # of samples that liblsl keeps while the disk is slow
MAX_SAMPLES = 4096  # pulled at once
# Header fields that differ between two runs of one sender, whose stream is the same.
VOLATILE = {"uid", "created_at", "session_id", "hostname", "version"}
DESC = re.compile("<desc>.*</desc>", re.DOTALL)
NO_XML = re.compile(r"&#(x[0-9a-f]+|\d+);|[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", re.IGNORECASE)


class RecordedStreams:
    """Every stream of one recording: a reader thread for each, and which reader writes which stream of the file."""

    def __init__(self, writer: XdfWriter):
        self.writer = writer
        self.events: queue.SimpleQueue[str] = queue.SimpleQueue()  # one sentence each
        self.ending = threading.Event()
        self._started: float | None = None  # when the first stream was open
        self._readers: dict[str, _Reader] = {}  # by uid
        self._active: set[str] = set()  # uids being read
        self._reported: set[str] = set()  # uids that were reported as lost or unreachable
        self._current: dict[int, tuple[str, _Reader]] = {}  # by number in the file: identity, newest reader
        self._lock = threading.Lock()

    @property
    def lasted_s(self) -> float:
        """Seconds since the first stream was open, 0 before."""
        return 0.0 if self._started is None else time.monotonic() - self._started

    def read(self, info: pylsl.StreamInfo) -> None:
        """Start to read a stream unless it is being read."""
        reader = self._readers.get(info.uid())
        if reader is None or (not reader.is_alive() and time.monotonic() - reader.newest > RETRY_S):
            self._readers[info.uid()] = _Reader(self, info)
            self._readers[info.uid()].start()

    def number(self, reader: "_Reader", header: str) -> int:
        """Number in the file of the stream that `reader` has connected.

        A stream that returns with an unchanged header keeps its number, as in LabRecorder: programs expect one EEG
        stream a session, with a hole. With any other header (labels, rate, units) it is another stream.
        """
        identity = _identity(header)
        with self._lock:
            earlier = [n for n, (i, current) in self._current.items() if i == identity and not current.may_deliver()]
            number = earlier[0] if earlier else self.writer.add_stream(header)
            self._current[number] = identity, reader
            self._active.add(reader.uid)
            self._started = self._started or time.monotonic()
        self.events.put(f"{self.writer.streams[number].name} {'is back' if earlier else 'is being recorded'}")
        return number

    def on_lost(self, reader: "_Reader") -> None:
        """Report once that a stream was lost, or that it is visible and cannot be reached."""
        with self._lock:
            if reader.uid in self._active:
                self._active.discard(reader.uid)
                self._reported.add(reader.uid)
                self.events.put(f"{reader.stream} is lost; it goes on as soon as it is back")
            elif reader.uid not in self._reported:
                self._reported.add(reader.uid)
                self.events.put(f"{reader.stream} is visible but does not answer; a firewall may be in the way")

    def is_current(self, reader: "_Reader") -> bool:
        """Whether no newer reader writes the same stream."""
        return any(current is reader for _, current in list(self._current.values()))

    def drain_events(self, report: Callable[[str, str], None]) -> None:
        """Hand every event to `report`, as state "recording"."""
        with suppress(queue.Empty):
            while True:
                report("recording", self.events.get_nowait())

    def close(self) -> None:
        """Have every reader write what has arrived, and end the threads."""
        self.ending.set()
        for reader in self._readers.values():
            reader.join(timeout=2.0)  # a reader that is still opening a stream has nothing to write


class _Reader(threading.Thread):
    """One connection to one stream.

    Each waits inside liblsl in a thread of its own: when a sender dies, liblsl drops what nobody was waiting for, and
    the last marker of an experiment is often sent right before it ends (a reader that polls every 0.1 s loses it).
    """

    def __init__(self, recorded: RecordedStreams, info: pylsl.StreamInfo):
        super().__init__(name=f"glimpse-record-{info.name()}", daemon=True)
        self.stream, self.uid = info.name(), info.uid()
        self.newest = time.monotonic()  # when the last sample arrived, or the reader ended
        self._recorded, self._info = recorded, info
        self._text = info.channel_format() == pylsl.cf_string
        self._max_samples = 256 if self._text else MAX_SAMPLES
        self._min_samples = 1 if self._text else min(MAX_SAMPLES, max(1, round(info.nominal_srate() * PULL_S)))

    def run(self) -> None:
        """Read until the stream is lost, the session ends or the disk is full."""
        try:
            # Stamps stay as sent, and liblsl may not replace the stream by another one.
            inlet = pylsl.StreamInlet(self._info, max_buflen=BUFFER_S, recover=False, processing_flags=pylsl.proc_none)
            inlet.open_stream(timeout=5.0)
            full = inlet.info(timeout=5.0).as_xml()
            header = readable(full)
            if DESC.search(full) and not DESC.search(header):
                self._recorded.events.put(f"the description of {self.stream} is no XML and was left out")
            number = self._recorded.number(self, header)
            try:
                self._copy(inlet, number)
            finally:
                inlet.close_stream()
        except (LostError, LslTimeout):
            self._recorded.on_lost(self)
        except BadInput as error:
            self._recorded.events.put(str(error))
            self.newest = np.inf  # another try would get the same header
            return
        except OSError:
            pass  # the writer keeps the reason
        self.newest = time.monotonic()

    def may_deliver(self) -> bool:
        """Whether samples may still arrive: a frozen sender keeps its connection for half a minute."""
        return self.is_alive() and time.monotonic() - self.newest < SILENT_S

    def _copy(self, inlet: pylsl.StreamInlet, number: int) -> None:
        offset_due = time.monotonic()
        while not self._recorded.ending.is_set():
            if time.monotonic() >= offset_due and self._recorded.is_current(self):
                with suppress(LslTimeout):  # liblsl goes on measuring; a wait might miss the last marker
                    offset = inlet.time_correction(timeout=0.001)
                    self._recorded.writer.clock_offset(number, pylsl.local_clock() - offset, offset)
                    offset_due = time.monotonic() + OFFSET_INTERVAL_S
            self._pull(inlet, number, 0.2)
        while self._pull(inlet, number, 0.0):
            pass

    def _pull(self, inlet: pylsl.StreamInlet, number: int, timeout_s: float) -> int:
        values, stamps = inlet.pull_chunk(timeout_s, self._max_samples, min_samples=self._min_samples, as_numpy=True)
        if len(stamps):
            self.newest = time.monotonic()
            self._recorded.writer.samples(number, stamps, _texts(values) if self._text else values)
        return len(stamps)


def readable(header: str) -> str:
    """A header without the characters that XML 1.0 forbids and liblsl passes on; without its description if need be.

    One wrong character in it, and no program would load the file.
    """
    clean = NO_XML.sub(lambda match: match[0] if _allowed(match) else "?", header)
    try:
        ElementTree.fromstring(clean)
    except ElementTree.ParseError:
        return DESC.sub("<desc />", clean)
    return clean


def _allowed(match: re.Match[str]) -> bool:
    code = match[1]
    if code is None:
        return False
    number = int(code[1:], 16) if code[0] in "xX" else int(code)
    return number in (9, 10, 13) or 32 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or 0x10000 <= number < 0x110000


def _identity(header: str) -> str:
    """The fields of a header that are the same in all runs of one sender."""
    info = ElementTree.fromstring(header)
    source = info.findtext("source_id") or info.findtext("hostname") or ""
    same = [ElementTree.tostring(e, "unicode") for e in info if e.tag not in VOLATILE and e.tag[:2] not in ("v4", "v6")]
    return "".join([source, *same])


def _texts(values: np.ndarray) -> list[list[str]]:
    return [[decode_text(value) for value in row] for row in values]
