import pytest

from tests.helpers import http


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/nothing", None, 404),
        ("GET", "/v1/sessions/nobody", None, 404),
        ("DELETE", "/v1/sessions/nobody", None, 404),
        ("PATCH", "/v1/sessions", None, 405),
        ("POST", "/v1/sessions", {"stream": "x", "bundle": "nowhere"}, 400),
        ("POST", "/v1/sessions", {"stream": "x" * 70_000}, 413),
    ],
)
def test_every_refusal_is_a_detail_of_one_sentence(server, method, path, body, status):
    answer = http.request(method, f"{server}{path}", json=body)
    assert answer.status_code == status
    assert list(answer.json()) == ["detail"]
    assert isinstance(answer.json()["detail"], str)


def test_a_malformed_request_is_a_detail_with_the_list_of_errors(server):
    answer = http.post(f"{server}/v1/sessions", json={"stream": ""})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "stream"]
