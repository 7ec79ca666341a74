"""A stream of the same name is a successor of a silent one, or a stranger that is never read."""

from realtime.live.duplicates import DUPLICATE_AFTER_S, DuplicateStreams

A, B = {"a": "'amp' A"}, {"b": "'amp' B"}


def test_one_that_comes_up_for_a_silent_stream_takes_its_place_and_the_silent_one_is_not_searched_for_a_while():
    beside = DuplicateStreams()
    assert beside.successor("a", (), 0.0) is None
    assert beside.not_meant(0.0) == set()
    assert beside.successor("a", B, 1.0) == "b"
    assert beside.not_meant(1.1) == {"a"}
    assert beside.not_meant(1.1 + DUPLICATE_AFTER_S) == set()


def test_one_that_is_there_while_samples_arrive_is_told_once_and_never_takes_the_place():
    beside = DuplicateStreams()
    assert beside.sentence("amp", B, 0.0) is None
    assert beside.sentence("amp", B, DUPLICATE_AFTER_S - 0.1) is None
    assert "there is 'amp' B" in (beside.sentence("amp", B, DUPLICATE_AFTER_S + 0.1) or "")
    assert beside.sentence("amp", B, DUPLICATE_AFTER_S + 9.0) is None
    assert beside.successor("a", B, DUPLICATE_AFTER_S + 10.0) is None
    assert beside.successor("a", {**B, "c": "'amp' C"}, DUPLICATE_AFTER_S + 10.0) == "c"
    assert "No other stream than 'amp'" in (beside.sentence("amp", {}, DUPLICATE_AFTER_S + 11.0) or "")
    assert "b" in beside.not_meant(1e6)


def test_one_that_hands_over_within_seconds_is_a_successor():
    beside = DuplicateStreams()
    assert beside.sentence("amp", B, 0.0) is None
    assert beside.sentence("amp", B, DUPLICATE_AFTER_S / 2) is None
    assert beside.successor("a", B, DUPLICATE_AFTER_S / 2 + 1.0) == "b"


def test_the_next_stream_starts_afresh_and_strangers_stay_strangers():
    beside = DuplicateStreams()
    beside.sentence("amp", B, 0.0)
    beside.sentence("amp", B, DUPLICATE_AFTER_S + 1.0)
    beside.begin()
    assert beside.sentence("amp", A, DUPLICATE_AFTER_S + 2.0) is None
    assert beside.not_meant(DUPLICATE_AFTER_S + 2.0) == {"b"}
