from itertools import islice
from pathlib import Path

import pytest

from realtime.errors import BadInput
from realtime.recorder.bids_names import BidsName


def test_runs_have_bids_names_and_are_numbered_from_the_given_one():
    names = [str(path) for path in islice(BidsName("01", "02", "Imagery", 9).paths(Path("study")), 2)]
    assert names == [
        "study/sub-01/ses-02/eeg/sub-01_ses-02_task-Imagery_run-009_eeg.xdf",
        "study/sub-01/ses-02/eeg/sub-01_ses-02_task-Imagery_run-010_eeg.xdf",
    ]


@pytest.mark.parametrize("value", ["", "a_b", "a-b", "../x", "ä", "a b"])
@pytest.mark.parametrize("entity", ["sub", "ses", "task"])
def test_an_invalid_entity_is_refused(entity, value):
    with pytest.raises(BadInput, match=f"--{entity} is .*, a BIDS name needs letters and digits only"):
        BidsName(**{entity: value})


def test_runs_begin_at_1():
    with pytest.raises(BadInput, match="--run is 0"):
        BidsName(run=0)
