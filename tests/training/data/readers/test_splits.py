from pathlib import Path

import numpy as np
import pytest

from realtime.errors import BadInput
from training.data.readers.splits import SplitRule, concept_is_in, make_splitter, published_test_concepts
from training.data.readers.things_eeg1 import read_events
from training.data.readers.trials import OTHER, TEST, TRAIN, PublishedSet, make_trials

NAMES = [f"thing{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]


def published(source: str = "things-eeg1", days: tuple[int, ...] = (1, 2, 3), in_time: bool = True) -> PublishedSet:
    return PublishedSet(source, "", Path(), (), days=days, in_time=in_time)


def trials(n: int = 260, part: str = TRAIN, step: int = 1000):
    concept = np.resize(NAMES, n)
    return make_trials(np.arange(n) * step, concept, concept, part, np.arange(n) * 3 // n + 1)


def by_split(found, split, column):
    return set(getattr(found, column)[split].tolist())


def test_concepts_and_days_of_validation_are_in_no_training_trial():
    found = trials()
    split = make_splitter(published("bids"), SplitRule(valid=0.3, test=0.2)).assign(found, 100.0)
    for held in ("valid", "test"):
        assert by_split(found, split == held, "concept")
        assert not by_split(found, split == held, "concept") & by_split(found, split == "train", "concept")
        assert by_split(found, split == held, "day") == {3}
    assert by_split(found, split == "train", "day") == {1, 2}


def test_days_together_drop_the_neighbours_of_a_trial_held_out():
    found = trials(step=50)
    split = make_splitter(published("bids"), SplitRule(days="shared", valid=0.3, test=0)).assign(found, 100.0)
    held = found.row[split == "valid"]
    assert len(held)
    distance = np.abs(found.row[split == "train"][:, None] - held).min(axis=1)
    assert distance.min() > 100


def test_the_published_test_concepts_never_train():
    found = make_trials([0, 1000], ["antelope_01b", "aardvark_01b"], ["antelope", "aardvark"], TRAIN, 1)
    plain = make_splitter(published(days=(1,)), SplitRule(valid=0)).assign(found, 100.0)
    joint = make_splitter(published(days=(1,)), SplitRule(valid=0, exclude=("things-eeg2",))).assign(found, 100.0)
    assert plain.tolist() == ["train", "train"]
    assert joint.tolist() == ["", "train"]


def test_the_two_published_test_sets_share_28_concepts():
    eeg1, eeg2 = published_test_concepts("things-eeg1"), published_test_concepts("things-eeg2")
    assert (len(eeg1), len(eeg2), len(eeg1 & eeg2)) == (200, 200, 28)
    assert published_test_concepts("things-meg") == eeg1
    assert published_test_concepts("alljoined") == eeg2


def test_targets_and_catch_trials_are_in_no_split():
    found = trials(part=OTHER)
    assert set(make_splitter(published(), SplitRule()).assign(found, 100.0)) == {""}


def test_a_concept_keeps_its_side_whatever_else_is_there():
    shares = [concept_is_in(name, 0.5, "valid") for name in NAMES]
    assert 3 < sum(shares) < 23
    assert [concept_is_in(name, 0.5, "valid") for name in reversed(NAMES)] == shares[::-1]
    assert all(concept_is_in(name, 0.7, "valid") for name, chosen in zip(NAMES, shares, strict=True) if chosen)


def test_near_duplicates_that_differ_in_a_digit_stay_together():
    for name in ("camera", "bat", "chicken", "crystal", "pepper", "hook"):
        assert concept_is_in(f"{name}1", 0.5, "valid") == concept_is_in(f"{name}2", 0.5, "valid")


def test_named_concepts_are_held_out_by_name():
    found = trials()
    split = make_splitter(published("bids"), SplitRule(valid=("thinga", "thingb"), test=())).assign(found, 100.0)
    assert by_split(found, split == "valid", "concept") == {"thinga", "thingb"}


def test_an_unknown_set_to_exclude_is_refused():
    with pytest.raises(BadInput, match="splits.exclude is .*'things' is no published set; use some of things-eeg1"):
        make_splitter(published(), SplitRule(exclude=("things",)))


@pytest.mark.parametrize("subject", ["01", "02"])
@pytest.mark.parametrize("days", ["separate", "shared"])
def test_splits_of_a_real_timeline_leak_nothing(shared, subject, days):
    found = read_events(shared / "things_eeg1_events" / f"sub-{subject}_task-rsvp_events.tsv", 1000.0)
    eeg1 = published("things-eeg1", tuple(range(1, 13)))
    split = make_splitter(eeg1, SplitRule(days=days, exclude=("things-eeg2",))).assign(found, 1000.0)
    sides = {name: by_split(found, split == name, "concept") for name in ("train", "valid", "test")}
    shown = {name: by_split(found, split == name, "picture") for name in sides}
    assert len(sides["train"]) > 1300
    assert len(sides["valid"]) > 60
    assert len(sides["test"]) == (200 if subject == "02" else 0)
    for names in (sides, shown):
        assert not names["train"] & (names["valid"] | names["test"])
        assert not names["valid"] & names["test"]
    if days == "separate":
        assert by_split(found, split == "train", "day") == set(range(1, 12))
        assert by_split(found, split == "valid", "day") == {12}


def test_a_test_set_of_its_own_is_not_cut_from_training_concepts():
    found = trials()
    split = make_splitter(published("things-eeg2"), SplitRule(test=0.9)).assign(found, 100.0)
    assert "test" not in set(split)
    shown = trials(part=TEST)
    assert set(make_splitter(published("things-eeg2"), SplitRule()).assign(shown, 100.0)) == {"", "test"}
