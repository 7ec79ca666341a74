import json

import httpx
import pytest

from serve.api.server import serving
from serve.settings import Settings
from tests.helpers.amplifier_process import BACKEND, LABELS
from tests.helpers.clients import listening, next_of, until


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
        assert httpx.post(f"{server}/v1/sessions/s1/pause").json()["paused"] is True
        last = status_of(client, "paused")["seq"]
        with pytest.raises(TimeoutError):
            client.recv(0.5)
        assert httpx.post(f"{server}/v1/sessions/s1/pause").status_code == 200  # nothing where it is paused already
        assert httpx.post(f"{server}/v1/sessions/s1/resume").json()["paused"] is False
        assert json.loads(client.recv(5))["state"] == "resumed"
        assert next_of(client, "decision")["seq"] > last


def test_a_session_moves_to_another_server_and_goes_on_where_it_was(server, tmp_path):
    assert until(lambda: httpx.get(f"{server}/v1/sessions/s1").json()["seq"] > 6)
    httpx.post(f"{server}/v1/sessions/s1/pause")
    state = httpx.get(f"{server}/v1/sessions/s1/state")
    assert state.headers["content-type"] == "application/octet-stream"
    hops = int(state.content.split()[1])
    assert hops > 0
    with serving(Settings(bundle=tmp_path / "quiet", port=0), BACKEND) as other:
        opened = httpx.post(f"{other}/v1/sessions", json={"stream": "demo-eeg", "paused": True}).json()
        assert opened["paused"] is True
        there = f"{other}/v1/sessions/{opened['session']}"
        assert httpx.put(f"{there}/state", content=state.content).status_code == 204
        with listening(other, f"/v1/sessions/{opened['session']}/events") as client:
            httpx.post(f"{there}/resume")
            assert next_of(client, "decision")["hop"] == hops


def test_a_state_is_only_given_to_a_paused_session_and_a_foreign_one_is_refused(server):
    where = f"{server}/v1/sessions/s1"
    refused = httpx.put(f"{where}/state", content=b"quiet 7")
    assert (refused.status_code, "pause it first" in refused.text) == (409, True)
    httpx.post(f"{where}/pause")
    assert httpx.put(f"{where}/state", content=b"loud 7").status_code == 400
    assert httpx.put(f"{where}/state", content=b"quiet 7").status_code == 204


def test_after_a_swap_clients_hear_the_new_labels_between_the_old_and_the_new_decisions(server):
    with listening(server) as client:
        hello = json.loads(client.recv(5))
        seen = next_of(client, "decision")["seq"]
        swapped = httpx.post(f"{server}/v1/sessions/s1/bundle", json={"bundle": "loud"}).json()
        assert swapped["bundle"] != hello["bundle"]
        got = [json.loads(client.recv(5)) for _ in range(20)]
    assert [message["seq"] for message in got] == list(range(seen + 1, seen + 21))  # numbers go on, none is lost
    at = next(i for i, message in enumerate(got) if message.get("state") == "swapped")
    again = got[at + 1]
    assert again["type"] == "hello"
    assert (again["run"], again["stream"]) == (hello["run"], "demo-eeg")
    assert (again["bundle"], again["labels"][0]) == (swapped["bundle"], LABELS[0].upper())
    bundles = [(i > at, message["bundle"]) for i, message in enumerate(got) if message["type"] == "decision"]
    assert set(bundles) <= {(False, hello["bundle"]), (True, swapped["bundle"])}
    assert (True, swapped["bundle"]) in bundles
    with listening(server) as late:
        assert json.loads(late.recv(5))["labels"] == again["labels"]


def test_a_bundle_that_does_not_fit_changes_nothing(server):
    where = f"{server}/v1/sessions/s1"
    before = httpx.get(where).json()["bundle"]
    refused = httpx.post(f"{where}/bundle", json={"bundle": "other-channels"})
    assert (refused.status_code, "other channels" in refused.json()["detail"]) == (400, True)
    assert httpx.post(f"{where}/bundle", json={"bundle": "nowhere"}).status_code == 400
    assert httpx.post(f"{where}/bundle", json={"bundle": "../loud"}).status_code == 422
    assert httpx.get(where).json()["bundle"] == before
    with listening(server) as client:
        assert next_of(client, "decision")["bundle"] == before


def test_a_page_from_elsewhere_may_not_change_anything(server):
    """A browser sends a request without a body to any machine that a page names."""
    where, elsewhere = f"{server}/v1/sessions/s1", {"origin": "https://elsewhere.example"}
    asked = [
        httpx.post(f"{where}/pause", headers=elsewhere),
        httpx.get(f"{where}/state", headers=elsewhere),
        httpx.post(f"{where}/bundle", headers=elsewhere, json={"bundle": "loud"}),
        httpx.post(f"{server}/v1/sessions", headers=elsewhere, json={"stream": "x"}),
        httpx.delete(where, headers=elsewhere),
    ]
    assert [answer.status_code for answer in asked] == [403] * 5
    assert httpx.get(where).json()["paused"] is False
    assert httpx.post(f"{where}/pause", headers={"origin": server}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "pause"), ("POST", "resume"), ("GET", "state"), ("PUT", "state")]
)
def test_unknown_sessions_are_404(server, method, path):
    assert httpx.request(method, f"{server}/v1/sessions/nobody/{path}").status_code == 404
    assert httpx.post(f"{server}/v1/sessions/nobody/bundle", json={"bundle": "loud"}).status_code == 404
