import json

import numpy as np
import pytest

from realtime.decoding.decision import Candidate
from realtime.live.messages import LASTING_STATES, DroppedMessage, TrialMessage, encode, status_message
from tests.helpers.messages import decision_message, hello_message

KEYS = {
    "hello": "type seq protocol session run stream name note bundle labels channels events sfreq hop_s window_s",
    "status": "type seq session state detail lasting",
    "trial": "type seq session trial t_onset marker label",
    "decision": "type seq session hop sample trial t_lsl t_onset since_onset_s top decided quality latency_ms "
    "clock_offset_ms bundle",
    "dropped": "type seq session count",
}


def test_every_message_has_the_keys_of_protocol_1():
    messages = [
        hello_message(),
        status_message("s1", "gap", "Lost."),
        TrialMessage("s1", 3, 9.5, "T1", None),
        decision_message(),
        DroppedMessage("s1", 6),
    ]
    for message in messages:
        fields = json.loads(encode(message, 7))
        assert set(fields) == set(KEYS[message.type].split())
        assert (fields["type"], fields["seq"], fields["session"]) == (message.type, 7, "s1")


def test_nested_fields_and_numpy_numbers_are_plain_json():
    message = decision_message(top=(Candidate("owl", np.float64(0.25), np.float32(0.5)),))
    fields = json.loads(encode(message, 1))
    assert fields["top"] == [{"label": "owl", "p": 0.25, "similarity": 0.5}]
    assert fields["quality"] == {"gap": False, "bad_channels": [], "artifact": False}


def test_a_message_without_a_number_has_no_seq_and_takes_other_fields():
    fields = json.loads(encode(decision_message(), sent_age_ms=1.5))
    assert "seq" not in fields
    assert fields["sent_age_ms"] == 1.5


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_no_browser_could_read_is_refused(value):
    with pytest.raises(ValueError, match="JSON"):
        encode(TrialMessage("s1", 1, value, "T1", None), 1)


def test_a_status_is_lasting_where_its_state_is():
    assert all(status_message("s1", state, "").lasting for state in LASTING_STATES)
    assert not status_message("s1", "gap", "").lasting
