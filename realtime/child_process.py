"""Runs a function in a child process and exchanges messages with it."""

import multiprocessing
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Generic, Self, TypeVar, cast

Result = TypeVar("Result")
Send = Callable[[Any], None]  # sends a message to the parent

ABANDON_S = 3.0  # after an exception in the parent, a child gets this long to end by itself
ANSWER_S = 60.0  # within which a child reports its processor time, on a busy machine


class ChildDied(RuntimeError):
    """The child process ended without a result."""


class ChildProcess(Generic[Result]):
    """Calls `run(*args, send, stop)` in a spawned process; a context manager that ends it.

    `run` and its arguments must be picklable, so `run` stands at the top of a module. `send(message)` may be called
    from any of its threads. The event `stop` is set by the parent's `stop`, by `close`, and when the parent dies; `run`
    then returns soon. What it returns is the result; what it raises is raised in the parent. Ctrl-C reaches the
    parent only. The child gets `close_s` seconds to end after `close`, then it is killed.
    """

    def __init__(self, run: Callable[..., Result], *args: Any, close_s: float = 5.0):
        context = multiprocessing.get_context("spawn")
        self._pipe, child = context.Pipe()
        self._process = context.Process(target=_run, args=(child, run, args), daemon=True)
        self._process.start()
        child.close()
        self._close_s = close_s
        self._messages: deque[Any] = deque()  # received and not returned yet
        self._cpu_s: deque[float] = deque()
        self._outcome: tuple[Result | None, Exception | None] | None = None  # once the child has ended

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._process.pid or 0

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.is_alive()

    @property
    def ended(self) -> bool:
        """Whether the outcome of `run` has been received."""
        return self._outcome is not None

    def messages(self) -> list[Any]:
        """Everything sent since the last call, at once."""
        while self._outcome is None and self._receive(0.0):
            pass
        messages = list(self._messages)
        self._messages.clear()
        return messages

    def next_message(self, timeout_s: float) -> Any:
        """The oldest message not returned yet.

        Raises what `run` raised, `ChildDied`, or `TimeoutError` if none is sent within `timeout_s` seconds.
        """
        self._wait(lambda: self._messages, timeout_s, "message")
        return self._messages.popleft()

    def result(self, timeout_s: float) -> Result:
        """What `run` returned; may be called again. Raises as `next_message`."""
        self._wait(lambda: self._outcome, timeout_s, "result")
        assert self._outcome is not None
        value, error = self._outcome
        if error is not None:
            raise error
        return cast(Result, value)

    def cpu_s(self) -> float:
        """Processor seconds of all threads of the child so far. Raises as `next_message`."""
        self._request("cpu")
        self._wait(lambda: self._cpu_s, ANSWER_S, "processor time")
        return self._cpu_s.popleft()

    def stop(self) -> None:
        """Ask `run` to return; harmless when repeated or when the child has ended."""
        self._request("stop")

    def finish(self, timeout_s: float) -> Result:
        """Ask `run` to return, and return its result. Raises as `next_message`."""
        self.stop()
        return self.result(timeout_s)

    def close(self, timeout_s: float | None = None) -> None:
        """End the child: it has to stop, and is killed after `timeout_s` seconds. Harmless when repeated."""
        self._pipe.close()  # the child sees the end of the pipe
        try:
            self._process.join(self._close_s if timeout_s is None else timeout_s)
        except KeyboardInterrupt:  # pressed again
            self._process.kill()
            raise
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(None if kind is None else min(ABANDON_S, self._close_s))

    def _request(self, word: str) -> None:
        try:
            self._pipe.send(word)
        except (OSError, ValueError):
            return  # the child has ended, or `close` was called

    def _wait(self, done: Callable[[], object], timeout_s: float, what: str) -> None:
        deadline = time.monotonic() + timeout_s
        while not done():
            if self._outcome is not None:
                raise self._outcome[1] or ChildDied(f"child process {self.pid} has ended, there is no {what}")
            if not self._receive(max(0.0, deadline - time.monotonic())):
                raise TimeoutError(f"child process {self.pid}: no {what} within {timeout_s:g} s")

    def _receive(self, timeout_s: float) -> bool:
        """Sort in the next thing that the child sends; False if there is none within `timeout_s` seconds."""
        try:
            if not self._pipe.poll(timeout_s):
                return False
            word, value = self._pipe.recv()
        except (EOFError, OSError):
            self._outcome = None, ChildDied(f"child process {self.pid} ended without a result")
            return True
        if word == "message":
            self._messages.append(value)
        elif word == "cpu":
            self._cpu_s.append(value)
        else:
            self._outcome = (value, None) if word == "result" else (None, value)
        return True


def _run(pipe: Connection, run: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """The child's side."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides when to stop
    stop, sending = threading.Event(), threading.Lock()

    def send(word: str, value: Any) -> None:
        with sending:
            try:
                pipe.send((word, value))
            except OSError:
                stop.set()  # the parent is gone

    def answer_requests() -> None:
        try:
            while True:
                if pipe.recv() == "cpu":
                    send("cpu", time.process_time())
                else:
                    stop.set()
        except (EOFError, OSError):
            stop.set()

    threading.Thread(target=answer_requests, daemon=True).start()
    try:
        send("result", run(*args, lambda message: send("message", message), stop))
    except Exception as error:
        send("error", error)
