"""The server as a child process, and clients that note when each decision of each session reached them."""

import asyncio
import gc
import json
import threading
from collections.abc import Callable, Sequence
from typing import Any
from urllib.request import Request, urlopen

from pylsl import local_clock
from websockets.asyncio.client import connect

from benchmarks.common.timing import DecisionTiming
from serve.api.server import serving
from serve.backend import realtime_backend
from serve.settings import Settings


def serve(settings: Settings, say: Callable[[Any], None], stop: threading.Event) -> None:
    """The whole server of `glimpse serve`, for a WorkerProcess; its first message is the address."""
    with serving(settings, realtime_backend()) as url:
        say(url)
        stop.wait()


def open_session(url: str, stream: str) -> str:
    """Let the server decode a stream with its markers; returns the session's name."""
    body = json.dumps({"stream": stream, "markers": f"{stream}-markers"}).encode()
    request = Request(f"{url}/v1/sessions", body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["session"])


class TimedClients:
    """A WebSocket client per session, all in one thread of this process; `close` ends them."""

    def __init__(self, url: str, sessions: Sequence[str], hop_s: float):
        self.timings = {session: DecisionTiming(hop_s) for session in sessions}
        self.stages_ms: dict[str, list[tuple[float, float]]] = {}  # (received, milliseconds), of all sessions
        self.statuses: list[tuple[str, str]] = []  # (session, state) of every status
        self.lost = 0  # messages dropped because a client was slow
        # A garbage collection over all imported modules takes 70 ms and would be measured as lateness.
        gc.collect()
        gc.freeze()
        self._url = url.replace("http", "ws", 1)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()), name="clients")
        self._thread.start()

    def decoding(self) -> bool:
        """Whether every session has decided."""
        return all(timing.hops for timing in self.timings.values())

    def close(self) -> None:
        """Close every socket."""
        self._closed.set()
        self._thread.join()

    async def _listen(self) -> None:
        await asyncio.gather(*(self._follow(session) for session in self.timings))

    async def _follow(self, session: str) -> None:
        async with connect(
            f"{self._url}/v1/sessions/{session}/events?after=0", max_size=None, proxy=None, compression=None
        ) as socket:
            while not self._closed.is_set():
                try:
                    text = await asyncio.wait_for(socket.recv(), 0.5)
                except TimeoutError:
                    continue
                now = local_clock()
                self._record(session, json.loads(text), now)

    def _record(self, session: str, message: dict[str, Any], now: float) -> None:
        if message["type"] == "decision":
            self.timings[session].add(message["hop"], message["t_lsl"], now)
            for stage, ms in message["latency_ms"].items():
                self.stages_ms.setdefault(stage, []).append((now, ms))
        elif message["type"] == "status":
            self.statuses.append((session, message["state"]))
        elif message["type"] == "dropped":
            self.lost += message["count"]
