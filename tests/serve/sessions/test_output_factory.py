import json
import threading
from dataclasses import replace
from uuid import uuid4

import pylsl
import pytest

from realtime.errors import BadInput
from serve.api.server import serving
from serve.settings import Settings
from tests.helpers import http
from tests.helpers.amplifier_process import BACKEND, LABELS, ROW
from tests.helpers.waiting import PATIENCE_S


def test_only_lsl_streams_can_be_recorded(tmp_path):
    none = replace(BACKEND, streams=list)
    with serving(Settings(bundle=tmp_path, port=0, record=tmp_path), none) as server:
        body = {"stream": "fieldtrip://localhost:1972"}
        refused = http.post(f"{server}/v1/sessions", json=body)
        assert (refused.status_code, "no LSL stream" in refused.json()["detail"]) == (400, True)
        assert http.post(f"{server}/v1/sessions", json=body | {"record": False}).status_code == 201


def test_a_session_whose_outputs_cannot_be_opened_leaves_none_behind(tmp_path):
    """The decision streams are opened before the recorder looks for marker streams, which fails here."""
    name = f"amp-{uuid4().hex[:8]}"
    rows = iter([[ROW._replace(name=name)]])

    def streams():
        if (found := next(rows, None)) is None:
            raise BadInput("The network is down: try again.")
        return found

    settings = Settings(bundle=tmp_path, port=0, stream=name, lsl_out=True, record=tmp_path)
    with (
        pytest.raises(BadInput, match="network is down"),
        serving(settings, replace(BACKEND, streams=streams)),
    ):
        pass
    assert not any(thread.name == "glimpse-lsl" for thread in threading.enumerate())
    assert not pylsl.resolve_byprop("name", f"{name}-decisions", timeout=0.5)


def test_decisions_are_lsl_streams_named_after_the_decoded_one(tmp_path):
    name = f"amp-{uuid4().hex[:8]}"
    backend = replace(BACKEND, streams=lambda: [ROW._replace(name=name, source_id="serial 7")])
    with serving(Settings(bundle=tmp_path, port=0, lsl_out=True), backend) as server:
        assert http.get(f"{server}/v1/sessions/s1").json()["outputs"] == ["lsl"]
        kinds = ("scores", "decisions")
        infos = [pylsl.resolve_byprop("name", f"{name}-{kind}", timeout=PATIENCE_S)[0] for kind in kinds]
        assert all("serial 7" in info.source_id() for info in infos)
        scores, decisions = inlets = [pylsl.StreamInlet(info, recover=False) for info in infos]
        for inlet in inlets:
            inlet.open_stream(PATIENCE_S)
        said = []
        while not said or said[-1]["type"] != "decision":
            [text], stamp = decisions.pull_sample(PATIENCE_S)
            said.append(json.loads(text))
        row, _ = scores.pull_sample(PATIENCE_S)
        assert scores.info(PATIENCE_S).get_channel_labels() == list(LABELS)
        for inlet in inlets:
            inlet.close_stream()
        http.delete(f"{server}/v1/sessions/s1")
        assert not pylsl.resolve_byprop("name", f"{name}-scores", timeout=0.5)
    assert stamp == said[-1]["t_lsl"]
    assert sum(row) == pytest.approx(1, abs=1e-5)
