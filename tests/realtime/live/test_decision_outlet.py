import json
import time
from contextlib import contextmanager
from uuid import uuid4

import numpy as np
import pylsl
import pytest

from realtime.decoding.decision import Candidate
from realtime.live.decision_outlet import MAX_SCORES, DecisionOutlet
from realtime.live.messages import TraceFrame, TrialMessage, status_message
from realtime.sources.lsl.markers import SOURCE
from tests.helpers.messages import decision_message, hello_message
from tests.helpers.waiting import PATIENCE_S

LABELS = ("owl", "sailing boat", "café")


def hello(labels=LABELS, bundle="sha256:0123456789abcdef"):
    return hello_message(labels=labels, bundle=bundle)


def decision(t_lsl, p=(0.5, 0.3, 0.2), trial=3):
    top = (Candidate("owl", p[0], np.float32(0.25)),)
    return decision_message(trial=trial, t_lsl=t_lsl, top=top, p=np.float32(p))


@contextmanager
def heard(name):
    """An inlet of the stream of that name, connected."""
    found = pylsl.resolve_byprop("name", name, timeout=PATIENCE_S)
    assert len(found) == 1
    inlet = pylsl.StreamInlet(found[0], recover=False)
    inlet.open_stream(PATIENCE_S)
    try:
        yield inlet
    finally:
        inlet.close_stream()


@pytest.fixture
def outlet():
    name = f"amp-{uuid4().hex[:8]}"
    made = DecisionOutlet(name, f"serial-{name}", "s1")
    yield made
    made.close()


def test_scores_and_json_of_a_decision_are_stamped_with_its_newest_sample(outlet):
    outlet.send(hello())
    with heard(f"{outlet.name}-scores") as scores, heard(f"{outlet.name}-decisions") as decisions:
        sent = [pylsl.local_clock() - 0.5 + 0.04 * k for k in range(3)]
        for k, t_lsl in enumerate(sent):
            outlet.send(decision(t_lsl, (0.5 + k / 10, 0.3, 0.2), trial=k))
        rows = [scores.pull_sample(PATIENCE_S) for _ in sent]
        texts = [decisions.pull_sample(PATIENCE_S) for _ in sent]
    assert [stamp for _, stamp in rows] == sent
    assert [stamp for _, stamp in texts] == sent
    np.testing.assert_array_equal(np.float32([row for row, _ in rows])[:, 0], np.float32([0.5, 0.6, 0.7]))
    said = [json.loads(text) for [text], _ in texts]
    assert [one["trial"] for one in said] == [0, 1, 2]
    assert said[0]["top"] == [{"label": "owl", "p": 0.5, "similarity": 0.25}]
    assert said[0]["sent_age_ms"] > 500
    assert not {"p", "embedding"} & set(said[0])


def test_the_headers_describe_values_and_their_source(outlet):
    outlet.send(hello())
    with heard(f"{outlet.name}-scores") as scores, heard(f"{outlet.name}-decisions") as decisions:
        about, text = scores.info(PATIENCE_S), decisions.info(PATIENCE_S)
    assert about.get_channel_labels() == list(LABELS)
    assert about.get_channel_types() == ["probability"] * 3
    assert (about.type(), about.nominal_srate(), about.channel_format()) == ("Classifier", 0.0, pylsl.cf_float32)
    assert (text.type(), text.nominal_srate(), text.channel_format()) == ("Markers", 0.0, pylsl.cf_string)
    meta = about.desc().child("glimpse")
    said = {key: meta.child_value(key) for key in ("source_name", "source_id", "session", "bundle", "hop_s")}
    assert said == {
        "source_name": outlet.name,
        "source_id": f"serial-{outlet.name}",
        "session": "s1",
        "bundle": "sha256:0123456789abcdef",
        "hop_s": "0.04",
    }
    for info in (about, text):
        assert info.desc().child_value("manufacturer") == "Glimpse"
        assert f"serial-{outlet.name}" in info.source_id()
    assert about.source_id() != text.source_id()


def test_a_status_is_text_stamped_with_now_and_traces_and_trials_are_not_sent(outlet):
    outlet.send(hello())
    with heard(f"{outlet.name}-decisions") as decisions:
        before = pylsl.local_clock()
        outlet.send(TraceFrame("s1", 1.0, 128.0, np.zeros((2, 3))))
        outlet.send(TrialMessage("s1", 1, 1.0, "T1", None))
        outlet.send(status_message("s1", "gap", "12 samples were lost."))
        [text], stamp = decisions.pull_sample(PATIENCE_S)
    assert json.loads(text)["state"] == "gap"
    assert before <= stamp <= pylsl.local_clock()


def test_another_bundle_opens_its_own_scores_and_keeps_the_json_stream(outlet):
    outlet.send(hello())
    with heard(f"{outlet.name}-decisions") as decisions:
        outlet.send(hello(labels=("left", "right"), bundle="sha256:ffff"))
        with heard(f"{outlet.name}-scores") as scores:
            assert scores.info(PATIENCE_S).get_channel_labels() == ["left", "right"]
            outlet.send(decision(5.0, (0.75, 0.25)))
            assert scores.pull_sample(PATIENCE_S) == ([0.75, 0.25], 5.0)
        assert decisions.pull_sample(PATIENCE_S)[1] == 5.0


def test_a_bank_of_many_labels_has_only_the_json_stream(outlet):
    outlet.send(hello(labels=tuple(f"label {i}" for i in range(MAX_SCORES + 1))))
    assert outlet.stream_names == (f"{outlet.name}-decisions",)
    with heard(f"{outlet.name}-decisions") as decisions:
        outlet.send(decision(7.0, np.full(MAX_SCORES + 1, 1 / (MAX_SCORES + 1))))
        assert decisions.pull_sample(PATIENCE_S)[1] == 7.0


def test_two_servers_that_decode_one_stream_share_no_source_id(outlet):
    """As while a session moves: both call it s1."""
    other = DecisionOutlet(outlet.name, f"serial-{outlet.name}", "s1")
    outlet.send(hello())
    other.send(hello())
    names = outlet.stream_names
    infos = [info for name in names for info in pylsl.resolve_byprop("name", name, minimum=2, timeout=PATIENCE_S)]
    other.close()
    assert len(infos) == 4
    assert len({info.source_id() for info in infos}) == 4
    assert all(info.source_id().startswith(SOURCE) for info in infos)


def test_closed_streams_are_no_longer_found():
    outlet = DecisionOutlet(f"amp-{uuid4().hex[:8]}", "", "s1")
    outlet.send(hello())
    names = outlet.stream_names
    assert all(pylsl.resolve_byprop("name", name, timeout=PATIENCE_S) for name in names)
    outlet.close()
    time.sleep(0.2)
    assert not any(pylsl.resolve_byprop("name", name, timeout=0.5) for name in names)
