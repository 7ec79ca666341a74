import json

import numpy as np
import pytest
from pydantic import ValidationError

from realtime.live.messages import DroppedMessage, TrialMessage, encode, status_message
from serve.protocol.messages import parse_message
from tests.helpers.messages import decision_message, hello_message


@pytest.mark.parametrize(
    "message",
    [
        hello_message(run="abc"),
        decision_message(trial=None, t_onset=None, since_onset_s=None),
        status_message("s1", "gap", "12 samples were lost."),
        TrialMessage("s1", 3, 9.5, "T1", None),
        DroppedMessage("s1", 6),
    ],
)
def test_an_encoded_message_is_parsed_into_the_same_message(message):
    parsed = parse_message(encode(message, message.seq))
    assert parsed == message


def test_arrays_of_a_decision_are_parsed_as_numpy_arrays():
    text = json.dumps(json.loads(encode(decision_message(), 1)) | {"p": [0.25, 0.75], "embedding": [1.0, 2.0]})
    parsed = parse_message(text)
    np.testing.assert_array_equal(parsed.p, [0.25, 0.75])
    np.testing.assert_array_equal(parsed.embedding, [1.0, 2.0])


def test_a_type_that_this_version_does_not_know_is_no_error():
    assert parse_message('{"type": "image", "seq": 4}') is None


def test_a_message_without_a_field_is_an_error():
    with pytest.raises(ValidationError, match="detail"):
        parse_message('{"type": "status", "seq": 4, "session": "s1", "state": "gap", "lasting": false}')
