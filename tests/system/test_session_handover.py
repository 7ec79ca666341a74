"""A server that dies, or hands a session over to another, loses no more than the samples nobody heard."""

import json
import time
from itertools import pairwise

import numpy as np
import pytest
from pylsl import local_clock

from realtime.bundle.bundle import Bundle
from realtime.decoding.decoder import Decoder
from tests.helpers.amplifiers import streaming, unique
from tests.helpers.bundles import CH_NAMES, tiny_bundle
from tests.helpers.machine import Withheld, withheld_s
from tests.helpers.servers import ServerProcess, server

SFREQ = 250.0


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return tiny_bundle(tmp_path_factory.mktemp("processes") / "tiny", sfreq=SFREQ)


def decisions(running: ServerProcess, n: int, session: str = "s1") -> list[dict]:
    """The first `n` of a session."""
    found = []
    for message in running.messages(session):
        if message["type"] == "decision":
            found.append(message)
        if len(found) == n:
            return found
    raise AssertionError("the session ended")


def opened_paused(running: ServerProcess, stream: str) -> str:
    """The name of a new session that waits."""
    return json.loads(running.ask("POST", "/v1/sessions", {"stream": stream, "paused": True}))["session"]


def state_of(running: ServerProcess, session: str) -> str:
    return json.loads(running.ask("GET", f"/v1/sessions/{session}"))["state"]


def offline(bundle: Bundle, samples: np.ndarray) -> np.ndarray:
    decoder = Decoder(bundle)
    return np.array([d.embedding for d in decoder.step(samples.astype(float), decoder.start())[0]])


def test_a_session_moved_to_another_process_makes_the_same_decisions(bundle, row):
    """The other one listens first; then the one is paused, its state goes over, and the other goes on."""
    amplifier = unique(CH_NAMES)
    with streaming(amplifier) as source, server(bundle.path, "--stream", amplifier.name) as one:
        decisions(one, 20)
        with server(bundle.path) as two:
            session = opened_paused(two, amplifier.name)
            while state_of(two, session) != "live":
                time.sleep(0.05)
            began = local_clock()
            one.ask("POST", "/v1/sessions/s1/pause")
            two.ask("PUT", f"/v1/sessions/{session}/state", one.ask("GET", "/v1/sessions/s1/state"))
            two.ask("POST", f"/v1/sessions/{session}/resume")
            second = decisions(two, 30, session)
            took_s = local_clock() - began
            first = decisions(one, second[0]["hop"])
    got = first + second
    assert [d["hop"] for d in got] == list(range(len(got)))
    assert {b["sample"] - a["sample"] for a, b in pairwise(got)} <= {15, 16}
    assert not any(d["quality"]["gap"] for d in got)
    newest = [round((d["t_lsl"] - source.t0) * SFREQ) for d in got]
    samples = amplifier.samples(newest[-1] - got[-1]["sample"], newest[-1] + 1)
    want = offline(bundle, samples)[: len(got)]
    np.testing.assert_allclose([d["embedding"] for d in got], want, atol=1e-4 * np.abs(want).max())
    row("session handed over to another process", "`paused`, `resumed`; equal to offline", None, took_s, 0)


def test_a_killed_server_decodes_again_and_continues_a_saved_state(bundle, row):
    amplifier = unique(CH_NAMES)
    with streaming(amplifier):
        with server(bundle.path, "--stream", amplifier.name) as one:
            before = decisions(one, 40)[-1]
            state = one.ask("GET", "/v1/sessions/s1/state")
            one.kill()
        killed = local_clock()
        withheld = Withheld()
        with server(bundle.path) as two:
            session = opened_paused(two, amplifier.name)
            two.ask("PUT", f"/v1/sessions/{session}/state", state)
            two.ask("POST", f"/v1/sessions/{session}/resume")
            after = decisions(two, 1, session)[0]
            recover_s = local_clock() - killed
            most_s = 20 + withheld.seconds() + withheld_s(two.process.pid)
            messages = [message for message, _ in zip(two.messages(session), range(8), strict=False)]
            told = [message["state"] for message in messages if message["type"] == "status"]
    lost = round((after["t_lsl"] - before["t_lsl"]) / 0.0625) - 1
    assert after["hop"] > before["hop"]  # numbers go on
    assert after["sample"] - before["sample"] == pytest.approx((after["t_lsl"] - before["t_lsl"]) * SFREQ, abs=2)
    assert after["quality"]["gap"]
    assert "gap" in told
    assert recover_s < most_s
    row("decoder process killed, started again, its saved state loaded", "`gap`; numbers go on", None, recover_s, lost)
