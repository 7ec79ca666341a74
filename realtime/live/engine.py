"""Many live streams, one decoder thread: samples are taken as they come, due hops of all sessions run in one batch.

Each session has a thread that reads its stream (see `realtime.live.stream_reader`); the engine's own thread decodes,
and between two hops does what it is asked: pause, save, swap. Results leave through one callback. Knows nothing of
sockets or clients.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from realtime.decoding.decision import Decision
from realtime.decoding.decoder import Decoder
from realtime.decoding.hop import Hop
from realtime.live.session import Session
from realtime.sources.connect import connect
from realtime.sources.lsl.fast_calls import local_clock
from realtime.sources.query import StreamQuery
from realtime.stream import Source

log = logging.getLogger("glimpse")

# With several sessions, how long the first hop that is due waits for others to be decoded with it: a sample at 250 Hz.
# Of 16 sessions a decision costs 1.58 ms with 2 ms, 1.47 with 4, 1.40 with 12.
GATHER_S = 0.004

Message = dict[str, Any]
PendingHop = tuple[Session, Hop, float]  # a hop to decode, with the milliseconds its preprocessing took
Publish = Callable[[str, Message], None]


class Engine:
    """Decodes every open session.

    `publish(session_id, message)` is called from the engine's thread and from the session's own, at any time from
    either. `connect` opens the stream a query asks for.
    """

    def __init__(self, publish: Publish, connect: Callable[[StreamQuery], Source] = connect):
        self.publish, self.connect = publish, connect
        self._sessions: dict[str, Session] = {}
        self._asked: deque[tuple[Future[Any], Callable[[], Any]]] = deque()  # to be done between two hops
        self._wake = threading.Event()  # something was read or asked, or the engine stops
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="glimpse-engine", daemon=True)
        self._thread.start()

    def open(
        self,
        session_id: str,
        decoder: Decoder,
        query: StreamQuery,
        tracks: int = 1,
        paused: bool = False,
        adapt: bool = False,
    ) -> None:
        """Start decoding the stream `query` asks for, as soon as it is in sight, up to `tracks` trials at once.

        With `adapt` the labels' vectors follow the person, from the markers of finished trials.
        """
        session = Session(
            session_id,
            decoder,
            query,
            self.connect,
            self._wake.set,
            self.publish,
            tracks=tracks,
            paused=paused,
            adapt=adapt,
        )
        self._sessions[session_id] = session
        session.thread.start()

    def close(self, session_id: str) -> None:
        """Stop a session and let go of its stream; once this returns nothing of it is published."""
        self._sessions.pop(session_id).close()
        if self._thread.is_alive():
            self._ask(lambda: None)  # the round that runs may hold hops of it

    def pause(self, session_id: str) -> None:
        """Read on but decode nothing; the samples of a minute are kept."""
        self._ask(self._sessions[session_id].pause)

    def resume(self, session_id: str) -> None:
        """Decode what has waited, and go on."""
        self._ask(self._sessions[session_id].resume)

    def save(self, session_id: str) -> bytes:
        """Where a session stands between two hops; see `Session.save`."""
        return self._ask(self._sessions[session_id].save)

    def load(self, session_id: str, data: bytes) -> None:
        """Let a paused session go on where a saved one stood; raises BadInput, see `Session.load`."""
        session = self._sessions[session_id]
        self._ask(lambda: session.load(data))

    def swap(self, session_id: str, decoder: Decoder) -> None:
        """Let another bundle decode a session from the next hop on, having heard the last seconds; raises BadInput."""
        session = self._sessions[session_id]
        session.check_swap(decoder)
        warm, newest = session.warmed(decoder)  # here, so that no session waits for it
        self._ask(lambda: session.swap(decoder, warm, newest))

    def _ask(self, work: Callable[[], Any]) -> Any:
        """What `work` gives, done by the engine's thread between two hops."""
        future: Future[Any] = Future()
        self._asked.append((future, work))
        self._wake.set()
        return future.result()

    def stop(self) -> None:
        """Close every session and end the engine's thread."""
        for session in self._sessions.values():  # all at once: each may take seconds to end a search for its stream
            session.closed.set()
        for session_id in list(self._sessions):
            self.close(session_id)
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait()
            self._wake.clear()
            if len(self._sessions) > 1 and not self._asked:
                time.sleep(GATHER_S)
            self._answer()
            while not self._stopping and self._round():
                self._answer()
        self._answer()

    def _answer(self) -> None:
        while self._asked:
            future, work = self._asked.popleft()
            try:
                future.set_result(work())
            except Exception as error:
                future.set_exception(error)

    def _round(self) -> bool:
        """Decode the oldest piece that waits of every session; says whether there was one.

        One piece at a time, because the next may come after a gap that resets the state these hops need.
        """
        due: list[PendingHop] = []
        waited = False
        for session in list(self._sessions.values()):
            with _report_failure(session):
                if (pulled := session.oldest()) is not None:
                    waited = True
                    due += [(session, hop, ms) for hop, ms in session.take(pulled)]
        while due:
            first, due = _one_hop_per_session(due)
            try:
                self._decode(first)
            except Exception:
                for item in first:  # one of them broke the batch: alone, the others go on
                    with _report_failure(item[0]):
                        self._decode([item])
        return waited

    def _decode(self, due: list[PendingHop]) -> None:
        """Decode one hop each of sessions that share a decoder, and publish."""
        began = perf_counter()
        decoder = due[0][0].decoder
        embeddings, states = decoder.encode([hop for _, hop, _ in due], [session.state for session, _, _ in due])
        encode_ms = (perf_counter() - began) * 1e3
        decided = [
            decoder.decide(hop, rows, state) for (_, hop, _), rows, state in zip(due, embeddings, states, strict=True)
        ]
        for (session, _, preprocess_ms), (decisions, state) in zip(due, decided, strict=True):
            session.state = state
            if sentence := decisions[0].rolled_back:
                session.tell("rolled_back", sentence)
            for decision in decisions:
                self.publish(session.id, _message(session, decision, preprocess_ms, encode_ms))


def _one_hop_per_session(due: list[PendingHop]) -> tuple[list[PendingHop], list[PendingHop]]:
    """The oldest hop of every session that shares the first one's decoder, and what is left."""
    now: dict[str, PendingHop] = {}
    later = []
    for item in due:
        if item[0].decoder is due[0][0].decoder and item[0].id not in now:
            now[item[0].id] = item
        else:
            later.append(item)
    return list(now.values()), later


@contextmanager
def _report_failure(session: Session) -> Iterator[None]:
    """A defect of ours must be seen by the session's clients, and must not end the other sessions."""
    try:
        yield
    except Exception as error:
        log.exception("decoding failed")
        session.tell("failed", f"Decoding failed: {error!r}; see the server's log.")


def _message(session: Session, decision: Decision, preprocess_ms: float, encode_ms: float) -> Message:
    t_lsl = session.time_of(decision.sample)
    since = decision.since_onset_s
    return {
        "type": "decision",
        "session": session.id,
        "hop": decision.number,
        "sample": decision.sample,
        "trial": decision.trial,
        "t_lsl": t_lsl,
        "t_onset": None if since is None else t_lsl - since,
        "since_onset_s": since,
        "top": [{"label": c.label, "p": c.p, "similarity": c.similarity} for c in decision.top],
        "decided": decision.decided,
        "quality": {"gap": decision.gap, "bad_channels": list(decision.bad_channels), "artifact": decision.artifact},
        "latency_ms": {
            "age": (local_clock() - t_lsl) * 1e3,
            "preprocess": preprocess_ms,
            "encode": encode_ms,
            "retrieve": decision.ms["retrieve"],
        },
        "clock_offset_ms": None if (offset_s := session.supervisor.clock_offset_s) is None else offset_s * 1e3,
        "bundle": session.decoder.bundle.hash,
        "embedding": decision.embedding,
        "p": decision.p,
    }
