"""The limits name the split and what calibrated the confidence."""

import pytest

from training.report.limits import interval_note, limits


@pytest.mark.parametrize(
    ("split", "sentence"),
    [
        ("test", "calibrated on 16 trials of the split valid. No test recording is used in training"),
        ("valid", "These figures are of that split"),
        ("train", "recordings it was trained on"),
    ],
)
def test_the_limits_say_what_calibrated_the_confidence_and_what_the_split_is(split, sentence):
    assert sentence in limits({"calibration_trials": 16, "split": split})


def test_without_validation_trials_the_limits_say_so():
    assert "there were no validation trials" in limits({"calibration_trials": 0, "split": "test"})


def test_the_note_on_intervals_mentions_seeds_only_where_there_are_several():
    assert "over seeds" not in interval_note({})
    assert "over seeds, mean ± standard deviation" in interval_note({"seeds": {}})
