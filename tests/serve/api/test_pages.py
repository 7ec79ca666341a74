import pytest

from tests.helpers import http


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_load_nothing_from_other_servers(server, path):
    answer = http.get(f"{server}{path}")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")


@pytest.mark.parametrize("path", ["/", "/static/model.js", "/static/panels/traces.js"])
def test_a_browser_checks_every_file_of_the_page_before_it_uses_a_copy(server, path):
    first = http.get(f"{server}{path}")
    assert first.headers["cache-control"] == "no-cache"
    again = http.get(f"{server}{path}", headers={"If-None-Match": first.headers["etag"]})
    assert again.headers["cache-control"] == "no-cache"
    assert again.status_code == (200 if path == "/" else 304)


def test_openapi_lists_the_rest_routes(server):
    paths = http.get(f"{server}/openapi.json").json()["paths"]
    assert {"/v1/sessions", "/v1/sessions/{session}/state", "/v1/streams", "/v1/bank"} <= set(paths)
    assert "/" not in paths
