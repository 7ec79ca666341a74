from tests.helpers import http


def test_a_page_of_another_origin_may_not_change_anything(server):
    """A browser sends a request without a body to any machine that a page names."""
    where, elsewhere = f"{server}/v1/sessions/s1", {"origin": "https://elsewhere.example"}
    asked = [
        http.post(f"{where}/pause", headers=elsewhere),
        http.get(f"{where}/state", headers=elsewhere),
        http.post(f"{where}/bundle", headers=elsewhere, json={"bundle": "loud"}),
        http.post(f"{server}/v1/sessions", headers=elsewhere, json={"stream": "x"}),
        http.delete(where, headers=elsewhere),
    ]
    assert [answer.status_code for answer in asked] == [403] * 5
    assert http.get(where).json()["paused"] is False
    assert http.post(f"{where}/pause", headers={"origin": server}).status_code == 200
