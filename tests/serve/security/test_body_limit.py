import pytest

from serve.security.body_limit import MAX_REQUEST
from tests.helpers import http


def in_pieces(n):
    """A body whose length no header tells."""
    for _ in range(n // 1000):
        yield b"x" * 1000


@pytest.mark.parametrize("body", [b"x" * 2 * MAX_REQUEST, in_pieces(2 * MAX_REQUEST)], ids=["whole", "in pieces"])
def test_a_body_longer_than_any_request_is_not_taken_in(server, body):
    refused = http.post(f"{server}/v1/sessions", content=body, headers={"content-type": "application/json"})
    assert (refused.status_code, "a shorter body is needed" in refused.json()["detail"]) == (413, True)
    assert http.get(f"{server}/healthz").status_code == 200


def test_a_state_may_be_longer_than_a_request_but_not_without_bound(server, monkeypatch):
    where = f"{server}/v1/sessions/s1/state"
    http.post(f"{server}/v1/sessions/s1/pause")
    assert http.put(where, content=b"quiet " + b"0" * MAX_REQUEST + b"7").status_code != 413
    monkeypatch.setattr("serve.security.body_limit.MAX_STATE", 1000)
    assert http.put(where, content=b"x" * 2000).status_code == 413
