"""`glimpse serve` in a process of its own, that can be killed."""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from websockets.sync.client import connect

from tests.helpers.waiting import PATIENCE_S


class ServerProcess:
    """A running server; `url` is its address."""

    def __init__(self, bundle: Path, *arguments: str, preexec_fn: Callable[[], None] | None = None):
        command = [sys.executable, "-m", "glimpse", "serve", "--bundle", str(bundle), "--port", "0", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=preexec_fn)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(r"http://\S+", line):
                self.url = found[0]
                return
        raise RuntimeError(f"the server ended with {self.process.wait()}")

    def ask(self, method: str, path: str, body: dict | bytes | None = None) -> bytes:
        """What the server answers; urllib.error.HTTPError where it refuses."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        kind = "application/json" if isinstance(body, dict) else "application/octet-stream"
        request = urllib.request.Request(self.url + path, data, {"Content-Type": kind}, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=PATIENCE_S) as answer:
            return answer.read()

    def messages(self, session: str, timeout_s: float = PATIENCE_S) -> Iterator[dict]:
        """Everything the session says, from its first message on."""
        url = f"{self.url.replace('http', 'ws', 1)}/v1/sessions/{session}/events?after=0&embedding=true"
        with connect(url, proxy=None, max_size=None) as events:
            while True:
                yield json.loads(events.recv(timeout_s))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def server(bundle: Path, *arguments: str, preexec_fn: Callable[[], None] | None = None) -> Iterator[ServerProcess]:
    """The server, until the block ends."""
    running = ServerProcess(bundle, *arguments, preexec_fn=preexec_fn)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.kill()
