from dataclasses import replace

from realtime.live.messages import status_message
from serve.api.server import serving
from serve.settings import Settings
from tests.helpers import http
from tests.helpers.amplifier_process import BACKEND, ThreadEngine
from tests.helpers.waiting import until


def test_health_is_life_and_readiness_is_fresh_samples(server):
    def ready():
        return http.get(f"{server}/readyz").status_code

    assert http.get(f"{server}/healthz").status_code == 200
    assert until(lambda: ready() == 200)
    http.delete(f"{server}/v1/sessions/s1")
    assert ready() == 503
    assert http.get(f"{server}/healthz").status_code == 200


class Quiet(ThreadEngine):
    """An engine whose stream never comes."""

    def open(self, session, decoder, query, tracks=1, paused=False, adapt=False):
        self.publish(session, status_message(session, "connecting", f"Looking for {query[0]}."))


def test_a_session_without_samples_is_not_ready(tmp_path):
    backend = replace(BACKEND, engine=Quiet)
    with serving(Settings(bundle=tmp_path, stream="absent", port=0), backend) as server:
        answer = http.get(f"{server}/readyz")
        assert (answer.status_code, answer.json()["fresh"]) == (503, {"s1": False})
        assert until(lambda: http.get(f"{server}/v1/sessions/s1").json()["detail"] == "Looking for absent.")


def test_metrics_count_decisions_and_their_age(server):
    def metric(line):
        return next((float(x.split()[-1]) for x in http.get(f"{server}/metrics").text.splitlines() if line in x), 0)

    assert until(lambda: metric('glimpse_decisions_total{session="s1"}') > 3)
    assert metric('glimpse_age_seconds_count{session="s1"}') > 3
    assert metric('glimpse_stage_seconds_count{session="s1",stage="encode"}') > 3
