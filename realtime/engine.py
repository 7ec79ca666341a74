"""Many live streams, one decoder thread: samples are taken as they come, due hops of all sessions run in one batch.

Each session has a thread that reads its stream (see `session.py`); the engine's own thread decodes. Results leave
through one callback. Knows nothing of sockets or clients.
"""

import logging
import queue
import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from pylsl import local_clock

from realtime.decoder import Decision, Decoder
from realtime.hops import Hop
from realtime.lsl import LslSource, StreamQuery
from realtime.session import Pulled, Session
from realtime.stream import Source

log = logging.getLogger("glimpse")

Message = dict[str, Any]
Publish = Callable[[str, Message], None]


class Engine:
    """Decodes every open session.

    `publish(session_id, message)` is called from the engine's threads, one call at a time per session. `connect` opens
    the stream a query asks for.
    """

    def __init__(self, publish: Publish, connect: Callable[[StreamQuery], Source] = LslSource):
        self.publish, self.connect = publish, connect
        self._sessions: dict[str, Session] = {}
        self._pulled: queue.SimpleQueue[Pulled | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="glimpse-engine", daemon=True)
        self._thread.start()

    def open(self, session_id: str, decoder: Decoder, query: StreamQuery) -> None:
        """Start decoding the stream `query` asks for, as soon as it is in sight."""
        session = Session(session_id, decoder, query, self.connect, self._pulled.put, self.publish)
        self._sessions[session_id] = session
        session.thread.start()

    def close(self, session_id: str) -> None:
        """Stop a session and let go of its stream."""
        self._sessions.pop(session_id).close()

    def stop(self) -> None:
        """Close every session and end the engine's thread."""
        for session_id in list(self._sessions):
            self.close(session_id)
        self._pulled.put(None)
        self._thread.join()

    def sessions(self) -> list[dict[str, Any]]:
        """What is open, a row each."""
        return [session.describe() for session in list(self._sessions.values())]

    def _run(self) -> None:
        while True:
            batch: list[Any] = [self._pulled.get()]
            while not self._pulled.empty():
                batch.append(self._pulled.get())
            if None in batch:
                return
            while batch:
                batch = self._round(batch)

    def _round(self, batch: list[Pulled]) -> list[Pulled]:
        """Take the oldest piece of every session and decode it; returns the rest.

        One piece at a time, because the next may come after a gap that resets the state these hops need.
        """
        now = {pulled.session.id: pulled for pulled in reversed(batch)}
        try:
            due = [
                (pulled.session, hop, ms)
                for pulled in now.values()
                if not pulled.session.closed
                for hop, ms in pulled.session.take(pulled)
            ]
            while due:
                due = self._decode_first(due)
        except Exception as error:  # a defect of ours must be seen by every client, and must not end the other sessions
            log.exception("decoding failed")
            for pulled in now.values():
                pulled.session.tell("failed", f"Decoding failed: {error!r}; see the server's log.", lasting=False)
        taken = {id(pulled) for pulled in now.values()}
        return [pulled for pulled in batch if id(pulled) not in taken]

    def _decode_first(self, due: list[tuple[Session, Hop, float]]) -> list[tuple[Session, Hop, float]]:
        """Decode the oldest hop of every session that shares the first one's decoder; returns what is left."""
        decoder = due[0][0].decoder
        now: dict[str, tuple[Session, Hop, float]] = {}
        later = []
        for item in due:
            if item[0].decoder is decoder and item[0].id not in now:
                now[item[0].id] = item
            else:
                later.append(item)
        began = perf_counter()
        sessions = [session for session, _, _ in now.values()]
        hops = [hop for _, hop, _ in now.values()]
        embeddings, states = decoder.encode(hops, [session.state for session in sessions])
        encode_ms = (perf_counter() - began) * 1e3
        for (session, hop, preprocess_ms), embedding, state in zip(now.values(), embeddings, states, strict=True):
            decision, session.state = decoder.decide(hop, embedding, state)
            session.n_decisions += 1
            self.publish(session.id, _message(session, decision, preprocess_ms, encode_ms, embedding))
        return later


def _message(
    session: Session, decision: Decision, preprocess_ms: float, encode_ms: float, embedding: np.ndarray
) -> Message:
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
        "quality": {"gap": decision.gap, "bad_channels": list(decision.bad_channels), "artifact": False},
        "latency_ms": {
            "age": (local_clock() - t_lsl) * 1e3,
            "preprocess": preprocess_ms,
            "encode": encode_ms,
            "retrieve": decision.ms["retrieve"],
        },
        "bundle": session.decoder.bundle.hash,
        "embedding": embedding,
    }
