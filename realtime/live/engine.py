"""Many live streams, one decoder thread: samples are taken as they arrive, due hops of all sessions run in one batch.

Each session has a thread that reads its stream (see `realtime.live.stream_reader`). The engine's own thread decodes,
and between two hops runs requests: pause, save, swap. Results leave through one callback. What becomes of them is
decided in `serve`.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from time import perf_counter
from typing import Any, TypeVar

from realtime.decoding.decision import Decision
from realtime.decoding.decoder import Decoder
from realtime.decoding.hop import Hop
from realtime.live.bundle_swap import check_swap, swap_decoder, warm_up_encoder
from realtime.live.messages import DecisionMessage, Message, Quality
from realtime.live.saved_session import load_session, save_session
from realtime.live.session import Session
from realtime.sources.connect import connect
from realtime.sources.lsl.fast_calls import local_clock
from realtime.sources.query import StreamQuery
from realtime.stream import Source

log = logging.getLogger("glimpse")

# How long the first due hop waits so that hops of other sessions join its batch; one sample at 250 Hz.
# Measured, 16 sessions: wait 2 ms -> 1.58 ms a decision, 4 ms -> 1.47 ms, 12 ms -> 1.40 ms.
GATHER_S = 0.004

PendingHop = tuple[Session, Hop, float]  # a hop to decode, with the milliseconds its preprocessing took
Publish = Callable[[str, Message], None]
T = TypeVar("T")


class Engine:
    """Decodes every open session.

    `publish(session_id, message)` is called from the engine's thread and from the session's own, at any time from
    either. `connect` connects to the stream of a query.
    """

    def __init__(self, publish: Publish, connect: Callable[[StreamQuery], Source] = connect):
        self.publish, self.connect = publish, connect
        self._sessions: dict[str, Session] = {}
        self._requests: deque[tuple[Future[Any], Callable[[], Any]]] = deque()  # to be run between two hops
        self._wake = threading.Event()  # a packet or a request waits, or the engine stops
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
        """Start decoding the stream of `query` as soon as it is there, up to `tracks` trials at once.

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
        session.reader.thread.start()

    def close(self, session_id: str) -> None:
        """Stop a session and release its stream; once this returns nothing of it is published."""
        self._sessions.pop(session_id).reader.close()
        if self._thread.is_alive():
            self._call_between_hops(lambda: None)  # the round that runs may have hops of it

    def pause(self, session_id: str) -> None:
        """Read on but decode nothing; the samples of a minute are kept."""
        self._call_between_hops(self._sessions[session_id].pause)

    def resume(self, session_id: str) -> None:
        """Decode what has waited, and continue."""
        self._call_between_hops(self._sessions[session_id].resume)

    def save(self, session_id: str) -> bytes:
        """Where a session stands between two hops; see `save_session`."""
        session = self._sessions[session_id]
        return self._call_between_hops(lambda: save_session(session))

    def load(self, session_id: str, data: bytes) -> None:
        """Let a paused session continue where a saved one stood; raises BadInput, see `load_session`."""
        session = self._sessions[session_id]
        self._call_between_hops(lambda: load_session(session, data))

    def swap(self, session_id: str, decoder: Decoder) -> None:
        """Decode with another bundle from the next hop on; raises BadInput where it does not fit.

        The new encoder reads the last seconds first, in the caller's thread, so that no session waits for it.
        """
        session = self._sessions[session_id]
        check_swap(session, decoder)
        hops, tracks = self._call_between_hops(
            lambda: (tuple(session.recent_hops), session.decoder.n_tracks(session.state))
        )
        warm_state, newest = warm_up_encoder(decoder, hops, tracks)
        self._call_between_hops(lambda: swap_decoder(session, decoder, warm_state, newest))

    def stop(self) -> None:
        """Close every session and end the engine's thread."""
        for session in self._sessions.values():  # all at once: each may need seconds to end a search for its stream
            session.reader.stopping.set()
        for session_id in list(self._sessions):
            self.close(session_id)
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def _call_between_hops(self, work: Callable[[], T]) -> T:
        """Result of `work`, run by the engine's thread between two hops."""
        future: Future[T] = Future()
        self._requests.append((future, work))
        self._wake.set()
        return future.result()

    # --- in the engine's thread

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait()
            self._wake.clear()
            if len(self._sessions) > 1 and not self._requests:
                time.sleep(GATHER_S)
            self._run_requests()
            while not self._stopping and self._decode_round():
                self._run_requests()
        self._run_requests()

    def _run_requests(self) -> None:
        while self._requests:
            future, work = self._requests.popleft()
            try:
                future.set_result(work())
            except Exception as error:
                future.set_exception(error)

    def _decode_round(self) -> bool:
        """Decode the oldest packet of every session; returns whether there was one.

        One packet at a time: the next may follow a gap, which resets the state that these hops need.
        """
        due: list[PendingHop] = []
        waited = False
        for session in list(self._sessions.values()):
            with _report_failure(session):
                if (packet := session.next_packet()) is not None:
                    waited = True
                    due += [(session, hop, ms) for hop, ms in session.prepare_packet(packet)]
        while due:
            batch, due = _one_hop_per_session(due)
            try:
                self._decode(batch)
            except Exception:
                for pending in batch:  # one of them broke the batch: one by one, the others go on
                    with _report_failure(pending[0]):
                        self._decode([pending])
        return waited

    def _decode(self, batch: list[PendingHop]) -> None:
        """Decode one hop each of sessions that share a decoder, and publish."""
        began = perf_counter()
        decoder = batch[0][0].decoder
        embeddings, states = decoder.encode([hop for _, hop, _ in batch], [session.state for session, _, _ in batch])
        encode_ms = (perf_counter() - began) * 1e3
        results = [
            decoder.decide(hop, rows, state) for (_, hop, _), rows, state in zip(batch, embeddings, states, strict=True)
        ]
        for (session, _, preprocess_ms), (decisions, state) in zip(batch, results, strict=True):
            session.state = state
            if sentence := decisions[0].rolled_back:
                session.publish_status("rolled_back", sentence)
            for decision in decisions:
                self.publish(session.id, _decision_message(session, decision, preprocess_ms, encode_ms))


def _one_hop_per_session(due: list[PendingHop]) -> tuple[list[PendingHop], list[PendingHop]]:
    """The oldest hop of every session that shares the first one's decoder, and the remainder."""
    batch: dict[str, PendingHop] = {}
    remainder = []
    for pending in due:
        session = pending[0]
        if session.decoder is due[0][0].decoder and session.id not in batch:
            batch[session.id] = pending
        else:
            remainder.append(pending)
    return list(batch.values()), remainder


@contextmanager
def _report_failure(session: Session) -> Iterator[None]:
    """Report a defect to the session's clients; it does not end the other sessions."""
    try:
        yield
    except Exception as error:
        log.exception("decoding failed")
        session.publish_status("failed", f"Decoding failed: {error!r}; see the server's log.")


def _decision_message(session: Session, decision: Decision, preprocess_ms: float, encode_ms: float) -> DecisionMessage:
    t_lsl = session.time_of(decision.sample)
    since = decision.since_onset_s
    return DecisionMessage(
        session=session.id,
        hop=decision.number,
        sample=decision.sample,
        trial=decision.trial,
        t_lsl=t_lsl,
        t_onset=None if since is None else t_lsl - since,
        since_onset_s=since,
        top=decision.top,
        decided=decision.decided,
        quality=Quality(decision.gap, decision.bad_channels, decision.artifact),
        latency_ms={
            "age": (local_clock() - t_lsl) * 1e3,
            "preprocess": preprocess_ms,
            "encode": encode_ms,
            "retrieve": decision.ms["retrieve"],
        },
        clock_offset_ms=None if session.clock_offset_s is None else session.clock_offset_s * 1e3,
        bundle=session.decoder.bundle.hash,
        p=decision.p,
        embedding=decision.embedding,
    )
