"""A part of a bench in a process of its own: what feeds, what is measured and what listens must not share a bill."""

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from realtime.sources.lsl.config import configure_liblsl

START_S = 120.0  # importing torch and opening streams, on a busy machine
END_S = 60.0
ABANDON_S = 3.0  # to end by itself where the bench has failed or Ctrl-C was pressed


class WorkerProcess:
    """`run(*args, say, stop)`, importable, in a spawned process; a context manager that ends it.

    `run` calls `say(value)` when it is ready, may say more, ends soon after the event `stop` is set or by itself, and
    what it returns is the result. A process whose parent dies stops too. What `run` raises is raised by the next call
    here; TimeoutError when it does not answer.
    """

    def __init__(self, run: Callable[..., Any], *args: Any):
        context = multiprocessing.get_context("spawn")
        self._pipe, child = context.Pipe()
        self._process = context.Process(target=_child, args=(child, run, args), daemon=True)
        self._heard: list[tuple[str, Any]] = []
        self._process.start()
        child.close()

    def said(self, timeout_s: float = START_S) -> Any:
        """The oldest thing said and not fetched yet."""
        return self._expect("said", timeout_s)

    def cpu_s(self) -> float:
        """Processor seconds of all its threads so far."""
        self._pipe.send("cpu")
        return float(self._expect("cpu", END_S))

    def result(self, timeout_s: float) -> Any:
        """What `run` returned, once it has come to its end."""
        return self._expect("done", timeout_s)

    def stop(self, timeout_s: float = END_S) -> Any:
        """Ask it to end; what `run` returned."""
        self._pipe.send("stop")
        return self.result(timeout_s)

    def __enter__(self) -> "WorkerProcess":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._pipe.close()  # the child sees the end of the pipe
        try:
            self._process.join(END_S if kind is None else ABANDON_S)
        except KeyboardInterrupt:  # pressed again
            self._process.kill()
            raise
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _expect(self, wanted: str, timeout_s: float) -> Any:
        deadline = time.monotonic() + timeout_s
        while True:
            for i, (word, value) in enumerate(self._heard):
                if word == "failed":
                    raise value
                if word == wanted:
                    del self._heard[i]
                    return value
            try:
                if not self._pipe.poll(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError(f"process {self._process.pid} of the bench: no {wanted!r} in {timeout_s:g} s")
                self._heard.append(self._pipe.recv())
            except (EOFError, ConnectionError):
                raise RuntimeError(f"process {self._process.pid} of the bench ended without a word") from None


def _child(pipe: Connection, run: Callable[..., Any], args: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent says when to stop
    configure_liblsl()
    stop, sending = threading.Event(), threading.Lock()

    def tell(word: str, value: Any) -> None:
        with sending:
            try:
                pipe.send((word, value))
            except (BrokenPipeError, ConnectionError):
                stop.set()

    def answer() -> None:
        try:
            while pipe.recv() == "cpu":
                tell("cpu", time.process_time())
            stop.set()
            while pipe.recv():
                tell("cpu", time.process_time())
        except (EOFError, OSError):
            stop.set()

    threading.Thread(target=answer, daemon=True).start()
    try:
        tell("done", run(*args, say=lambda value: tell("said", value), stop=stop))
    except Exception as error:
        tell("failed", error)
