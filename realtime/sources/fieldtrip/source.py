"""Signal and events from a FieldTrip buffer, into which MEG systems stream samples that are counted, not stamped.

Gaps are exact, because the buffer numbers the samples that the acquisition wrote, also those that were read too late.
Times are those of arrival, smoothed (`realtime.sources.arrivals`); the query's `delay_s` is the time from sensor to
buffer.
"""

import logging
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
from pylsl import local_clock

from realtime.errors import BadInput, StreamLost
from realtime.markers import normalise_marker
from realtime.sources.arrivals import Arrivals, add_arrival, arrival_rate
from realtime.sources.fieldtrip.client import ANSWER_S, open_client
from realtime.sources.fieldtrip.header import read_header
from realtime.sources.lsl.markers import MarkerReader
from realtime.sources.query import StreamQuery
from realtime.stream import Chunk, Marker, StreamInfo

log = logging.getLogger("glimpse")

SCHEME, PORT = "fieldtrip", 1972
MAX_READ_S = 1.0  # of signal in one request: a reader that was interrupted must not request minutes at once
Available = TypeVar("Available", bound=Sequence[Any] | np.ndarray)


class FieldTripSource:
    """A FieldTrip buffer, read from its newest sample on; implements `realtime.stream.Source`.

    `query.name` is `fieldtrip://host:port`. Markers are the buffer's events; or, if `query.markers` is the label of a
    channel, the codes that appear in it (`neuromag2ft` writes triggers nowhere else); or the LSL marker streams of that
    name. Times are LSL `local_clock()` seconds of this machine. `BadInput` for a bad address and if no buffer answers
    within `wait_s`, `UnusableStream` if its header cannot be used, `StreamLost` if the connection breaks, the buffer
    hangs, or the acquisition starts anew.
    """

    clock_offset_s: float | None = None  # the acquisition's clock is not in the protocol

    def __init__(self, query: StreamQuery, wait_s: float = 1.0):
        host, port = address(query.name)
        name = f"{SCHEME}://{host}:{port}"
        self._delay_s = query.delay_s or 0.0
        self._client = open_client(host, port, name, wait_s)
        self._lsl: MarkerReader | None = None
        try:
            with _connection_errors(name):
                header = self._client.getHeader()
            if header is None:
                raise BadInput(f"{name}: the buffer is empty, a header is needed; start the acquisition")
            self.info: StreamInfo = read_header(header, name)
            labels = self.info.ch_names
            self._trigger = labels.index(query.markers) if query.markers in labels else None
            if query.markers is not None and self._trigger is None:
                self._lsl = MarkerReader(query.markers)
                self._lsl.open_known()
        except BaseException:
            self.close()
            raise
        self._factors = np.array(self.info.unit_to_uv)
        self._first = self._next = header.nSamples  # number in the buffer of our sample 0, and of the one to read
        self._n_events = header.nEvents
        self._early: list[Any] = []  # events that arrived before the first sample
        self._level: float | None = None  # of the trigger channel
        self._newest: Chunk | None = None
        self.arrivals = Arrivals()

    @property
    def marker_names(self) -> tuple[str, ...]:
        """Names of the streams, or of the channel, from which markers are read."""
        if self._lsl is not None:
            return self._lsl.names
        return (self.info.name if self._trigger is None else self.info.ch_names[self._trigger],)

    @property
    def other_matches(self) -> Mapping[str, str]:
        """Empty: an address is one buffer."""
        return {}

    def pull(self, timeout_s: float, min_samples: int = 1) -> tuple[list[Chunk], list[Marker]]:
        """Wait up to `timeout_s` seconds for `min_samples` samples; everything that has arrived since the last call."""
        name = self.info.name
        with _connection_errors(name):
            threshold = self._next + min_samples - 1  # the buffer waits for more than this
            self._client.sock.settimeout(timeout_s + ANSWER_S)
            n_samples, n_events = self._client.wait(threshold, self._n_events, round(timeout_s * 1e3))
            now = local_clock()
            if n_samples < self._next or n_events < self._n_events:
                raise StreamLost(f"{name}: the acquisition began anew")
            chunks = self._read(n_samples, now)
            events = self._read_events(n_events)
        if self._newest is None:
            self._early += events
            return [], []
        events, self._early = self._early + events, []
        markers = [Marker(event_label(e), self._newest.time_of(e.sample - self._first)) for e in events]
        if self._trigger is not None:
            markers = [marker for chunk in chunks for marker in self._trigger_markers(chunk)]
        return chunks, self._lsl.pull() if self._lsl is not None else markers

    def measured_rate(self) -> float | None:
        """Rate in Hz at which samples arrive, None until it is known; see `arrival_rate`."""
        return arrival_rate(self.arrivals, self.info.sfreq)

    def close(self) -> None:
        """Close the buffer and the marker streams."""
        self._client.disconnect()
        if self._lsl is not None:
            self._lsl.close()

    def _read(self, n_samples: int, now: float) -> list[Chunk]:
        """The next samples, at most one chunk."""
        if n_samples == self._next:
            return []
        self.arrivals = add_arrival(n_samples - self._first, now, self.arrivals, self.info.sfreq)
        if self.arrivals.broken:
            raise StreamLost(
                f"{self.info.name}: samples do not come when their count says; the acquisition paused, or it does not "
                f"run at the {self.info.sfreq:g} Hz of its header"
            )
        begin, data = self._next, None
        while data is None and begin < n_samples:
            stop = min(n_samples, begin + max(1, round(MAX_READ_S * self.info.sfreq)))
            begin, data = _read_available(self._client.getData, begin, stop)
        if data is None or data.shape[1] != len(self._factors):
            raise StreamLost(f"{self.info.name}: the buffer lacks samples that it has numbered")
        index, lost = begin - self._first, begin - self._next
        self._next = begin + len(data)
        t_first = self.arrivals.time_of(index) - self._delay_s
        self._newest = Chunk(data.astype(np.float64) * self._factors, index, t_first, self.info.sfreq, lost)
        return [self._newest]

    def _read_events(self, n_events: int) -> list[Any]:
        if n_events == self._n_events:
            return []
        begin, events = _read_available(self._client.getEvents, self._n_events, n_events)
        if lost := begin - self._n_events:
            log.warning("%s: %d events were overwritten before they were read", self.info.name, lost)
        self._n_events = n_events
        return events or []

    def _trigger_markers(self, chunk: Chunk) -> Iterator[Marker]:
        """Codes that appear in the trigger channel, each at its first sample, as in `mne.find_events`."""
        codes = np.abs(chunk.samples[:, self._trigger])
        before = np.concatenate([codes[:1] if self._level is None else [self._level], codes[:-1]])
        self._level = float(codes[-1])
        for row in np.flatnonzero(codes > before).tolist():
            yield Marker(normalise_marker(f"{codes[row]:.0f}"), chunk.time_of(chunk.index + row))


def address(url: str) -> tuple[str, int]:
    """Host and port of `fieldtrip://host:port`; the port may be left out."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, PORT if parts.port is None else parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, 0
    if not host or not port or parts.scheme != SCHEME or parts.path.strip("/") or parts.query or parts.username:
        raise BadInput(f"stream {url!r}: a FieldTrip buffer is {SCHEME}://host:port, as in {SCHEME}://meg:{PORT}")
    return host, port


def event_label(event: Any) -> str:
    """The event's value as text, so that code 5 is `5` as in a recording; its type where it has no value."""
    value, kind = (
        x.decode("utf-8", "replace").rstrip("\0") if isinstance(x, bytes) else ",".join(map(str, np.ravel(x)))
        for x in (event.value, event.type)
    )
    return normalise_marker(value or kind)


def _read_available(
    get: Callable[[tuple[int, int]], Available | None], begin: int, stop: int
) -> tuple[int, Available | None]:
    """Start and content of the newest half, quarter ... of `begin` to `stop` that the ring still has.

    The buffer reports no size, and refuses a whole request of which some is overwritten.
    """
    while begin < stop:
        available = get((begin, stop - 1))
        if available is not None and len(available):
            return begin, available
        begin = stop - (stop - begin) // 2
    return stop, None


@contextmanager
def _connection_errors(name: str) -> Iterator[None]:
    """Raise the library's errors of a broken connection or answer as StreamLost."""
    try:
        yield
    except StreamLost:
        raise
    except (OSError, struct.error, TypeError, IndexError, UnicodeDecodeError) as error:
        raise StreamLost(f"{name}: the connection broke ({error})") from error
