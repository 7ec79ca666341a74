import json

import pytest

from serve.api.server import serving
from serve.settings import Settings
from tests.helpers import http
from tests.helpers.amplifier_process import BACKEND, LABELS
from tests.helpers.clients import listening, next_of
from tests.helpers.waiting import PATIENCE_S, until


@pytest.fixture
def server(tmp_path):
    """A server of the bundle `quiet`, with neighbours `loud`, of other labels, and `other-channels`."""
    for name in ("quiet", "loud", "other-channels"):
        (tmp_path / name).mkdir()
    with serving(Settings(bundle=tmp_path / "quiet", stream="demo-eeg", port=0), BACKEND) as url:
        yield url


def status_of(client, state):
    while (said := next_of(client, "status"))["state"] != state:
        pass
    return said


def test_a_paused_session_decides_nothing_until_it_is_resumed(server):
    with listening(server) as client:
        next_of(client, "decision")
        assert http.post(f"{server}/v1/sessions/s1/pause").json()["paused"] is True
        last = status_of(client, "paused")["seq"]
        with pytest.raises(TimeoutError):
            client.recv(0.5)
        assert http.post(f"{server}/v1/sessions/s1/pause").status_code == 200  # nothing where it is paused already
        assert http.post(f"{server}/v1/sessions/s1/resume").json()["paused"] is False
        assert json.loads(client.recv(PATIENCE_S))["state"] == "resumed"
        assert next_of(client, "decision")["seq"] > last


def test_a_session_moves_to_another_server_and_goes_on_where_it_was(server, tmp_path):
    assert until(lambda: http.get(f"{server}/v1/sessions/s1").json()["seq"] > 6)
    http.post(f"{server}/v1/sessions/s1/pause")
    state = http.get(f"{server}/v1/sessions/s1/state")
    assert state.headers["content-type"] == "application/octet-stream"
    hops = int(state.content.split()[1])
    assert hops > 0
    with serving(Settings(bundle=tmp_path / "quiet", port=0), BACKEND) as other:
        opened = http.post(f"{other}/v1/sessions", json={"stream": "demo-eeg", "paused": True}).json()
        assert opened["paused"] is True
        there = f"{other}/v1/sessions/{opened['session']}"
        assert http.put(f"{there}/state", content=state.content).status_code == 204
        with listening(other, f"/v1/sessions/{opened['session']}/events") as client:
            http.post(f"{there}/resume")
            assert next_of(client, "decision")["hop"] == hops


def test_only_a_paused_session_loads_a_state_and_only_of_its_bundle(server):
    where = f"{server}/v1/sessions/s1"
    refused = http.put(f"{where}/state", content=b"quiet 7")
    assert (refused.status_code, "pause it first" in refused.text) == (409, True)
    http.post(f"{where}/pause")
    assert http.put(f"{where}/state", content=b"loud 7").status_code == 400
    assert http.put(f"{where}/state", content=b"quiet 7").status_code == 204


def test_a_swap_sends_the_new_labels_between_old_and_new_decisions(server):
    with listening(server) as client:
        hello = json.loads(client.recv(PATIENCE_S))
        seen = next_of(client, "decision")["seq"]
        swapped = http.post(f"{server}/v1/sessions/s1/bundle", json={"bundle": "loud"}).json()
        assert swapped["bundle"] != hello["bundle"]
        got = []
        while not got or (got[-1]["type"], got[-1].get("bundle")) != ("decision", swapped["bundle"]):
            got.append(json.loads(client.recv(PATIENCE_S)))
    assert [message["seq"] for message in got] == list(range(seen + 1, seen + 1 + len(got)))  # none is lost
    at = next(i for i, message in enumerate(got) if message.get("state") == "swapped")
    again = got[at + 1]
    assert again["type"] == "hello"
    assert (again["run"], again["stream"]) == (hello["run"], "demo-eeg")
    assert (again["bundle"], again["labels"][0]) == (swapped["bundle"], LABELS[0].upper())
    bundles = [(i > at, message["bundle"]) for i, message in enumerate(got) if message["type"] == "decision"]
    assert set(bundles) <= {(False, hello["bundle"]), (True, swapped["bundle"])}
    with listening(server) as late:
        assert json.loads(late.recv(PATIENCE_S))["labels"] == again["labels"]


def test_a_bundle_that_does_not_fit_changes_nothing(server):
    where = f"{server}/v1/sessions/s1"
    before = http.get(where).json()["bundle"]
    refused = http.post(f"{where}/bundle", json={"bundle": "other-channels"})
    assert (refused.status_code, "other channels" in refused.json()["detail"]) == (400, True)
    assert http.post(f"{where}/bundle", json={"bundle": "nowhere"}).status_code == 400
    assert http.post(f"{where}/bundle", json={"bundle": "../loud"}).status_code == 422
    assert http.get(where).json()["bundle"] == before
    with listening(server) as client:
        assert next_of(client, "decision")["bundle"] == before


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "pause"), ("POST", "resume"), ("GET", "state"), ("PUT", "state")]
)
def test_unknown_sessions_are_404(server, method, path):
    assert http.request(method, f"{server}/v1/sessions/nobody/{path}").status_code == 404
    assert http.post(f"{server}/v1/sessions/nobody/bundle", json={"bundle": "loud"}).status_code == 404
