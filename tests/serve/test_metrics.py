from dataclasses import replace

import numpy as np

from realtime.live.messages import Quality
from serve.api.server import serving
from serve.settings import Settings
from tests.helpers import http
from tests.helpers.amplifier_process import BACKEND, ThreadEngine, decision
from tests.helpers.clients import listening, metric, next_of
from tests.helpers.waiting import until


def test_statuses_sessions_bad_channels_and_late_decisions_are_counted(tmp_path):
    class Troubled(ThreadEngine):
        def open(self, session, decoder, query, tracks=1, paused=False, adapt=False):
            usual, quality = decision(np.random.default_rng(0), 0, 0, 0, 10.0), Quality(False, ("Fz", "Oz"))
            for age in (62.4, 62.6, 200.0):  # a hop is 62.5 ms
                late = replace(usual, quality=quality, latency_ms={"age": age, "encode": 1.0})
                self.publish(session, late)
            for state in ("gap", "gap", "bad_channels"):
                self.report_status(session, state)

    with serving(Settings(bundle=tmp_path, stream="demo-eeg", port=0), replace(BACKEND, engine=Troubled)) as server:
        assert until(lambda: metric(server, 'glimpse_status_total{session="s1",state="bad_channels"}') == 1)
        assert metric(server, 'glimpse_status_total{session="s1",state="gap"}') == 2
        assert metric(server, 'glimpse_gaps_total{session="s1"}') == 2
        assert metric(server, 'glimpse_late_total{session="s1"}') == 2
        assert metric(server, 'glimpse_bad_channels{session="s1"}') == 2
        assert metric(server, "glimpse_sessions ") == 1
        http.delete(f"{server}/v1/sessions/s1")
        assert metric(server, "glimpse_sessions ") == 0


def test_a_closed_session_leaves_no_row_of_any_metric(tmp_path):
    """Also not by a client or an output that lose or leave later; the rows of other sessions stay."""
    settings = Settings(bundle=tmp_path, stream="demo-eeg", port=0, osc="127.0.0.1:9")
    with serving(settings, BACKEND) as server:
        other = http.post(f"{server}/v1/sessions", json={"stream": "other"}).json()["session"]
        with listening(server) as client:
            next_of(client, "decision")
            rows = http.get(f"{server}/metrics").text
            assert rows.count('session="s1"') > 10
            http.delete(f"{server}/v1/sessions/s1")
        left = http.get(f"{server}/metrics").text
        assert 'session="s1"' not in left
        assert until(lambda: metric(server, f'glimpse_decisions_total{{session="{other}"}}') > 0)
