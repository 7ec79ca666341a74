import pytest

from tests.helpers import http


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_load_nothing_from_other_servers(server, path):
    answer = http.get(f"{server}{path}")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")


def test_openapi_lists_the_rest_routes(server):
    paths = http.get(f"{server}/openapi.json").json()["paths"]
    assert {"/v1/sessions", "/v1/sessions/{session}/state", "/v1/streams", "/v1/bank"} <= set(paths)
    assert "/" not in paths
