import pytest

from tests.helpers import http
from tests.helpers.clients import listening, next_of


def test_sessions_open_and_close(server):
    opened = http.post(f"{server}/v1/sessions", json={"stream": "other", "markers": "marks"})
    assert (opened.status_code, opened.json()["session"]) == (201, "s2")
    assert [session["stream"] for session in http.get(f"{server}/v1/sessions").json()] == ["demo-eeg", "other"]
    with listening(server, "/v1/sessions/s2/events") as client:
        assert next_of(client, "decision")["session"] == "s2"
        assert http.delete(f"{server}/v1/sessions/s2").status_code == 204
        assert all(client)  # the rest of the messages, until the server closes
        assert client.close_code == 1001
    assert http.get(f"{server}/v1/sessions/s2").status_code == 404


def test_bad_requests_are_answered_with_what_is_wrong(server):
    misspelt = http.post(f"{server}/v1/sessions", json={"stream": "x", "bundel": "y"})
    assert misspelt.status_code == 422
    assert "bundel" in misspelt.text
    missing = http.post(f"{server}/v1/sessions", json={"stream": "x", "bundle": "nowhere"})
    assert missing.status_code == 400
    assert "nowhere" in missing.json()["detail"]
    assert http.post(f"{server}/v1/sessions", json={"stream": "x", "bundle": "../up"}).status_code == 422
    assert http.post(f"{server}/v1/sessions", json={"stream": "x", "bundle": ".."}).status_code == 422
    assert len(http.get(f"{server}/v1/sessions").json()) == 1


@pytest.mark.parametrize(
    "wrong", [{"tracks": 0}, {"tracks": 33}, {"delay_s": -0.1}, {"delay_s": 11}, {"record": "/tmp"}]
)
def test_values_that_no_session_can_have_are_refused(server, wrong):
    assert http.post(f"{server}/v1/sessions", json={"stream": "x", **wrong}).status_code == 422


def test_a_request_cannot_name_a_folder_to_record_in(server):
    refused = http.post(f"{server}/v1/sessions", json={"stream": "x", "record": True})
    assert (refused.status_code, "--record" in refused.json()["detail"]) == (400, True)
    assert len(http.get(f"{server}/v1/sessions").json()) == 1
