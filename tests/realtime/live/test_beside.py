"""A stream of the same name is a successor of a silent one, or a stranger that is never read."""

from realtime.live.beside import BESIDE_S, Beside

A, B = {"a": "'amp' A"}, {"b": "'amp' B"}


def test_one_that_comes_up_for_a_silent_stream_takes_its_place_and_the_silent_one_is_not_searched_for_a_while():
    beside = Beside()
    assert beside.successor("a", (), 0.0) is None
    assert beside.not_meant(0.0) == set()
    assert beside.successor("a", B, 1.0) == "b"
    assert beside.not_meant(1.1) == {"a"}
    assert beside.not_meant(1.1 + BESIDE_S) == set()


def test_one_that_is_there_while_samples_arrive_is_told_once_and_never_takes_the_place():
    beside = Beside()
    assert beside.sentence("amp", B, 0.0) is None
    assert beside.sentence("amp", B, BESIDE_S - 0.1) is None
    assert "there is 'amp' B" in (beside.sentence("amp", B, BESIDE_S + 0.1) or "")
    assert beside.sentence("amp", B, BESIDE_S + 9.0) is None
    assert beside.successor("a", B, BESIDE_S + 10.0) is None
    assert beside.successor("a", {**B, "c": "'amp' C"}, BESIDE_S + 10.0) == "c"
    assert "No other stream than 'amp'" in (beside.sentence("amp", {}, BESIDE_S + 11.0) or "")
    assert "b" in beside.not_meant(1e6)


def test_one_that_hands_over_within_seconds_is_a_successor():
    beside = Beside()
    assert beside.sentence("amp", B, 0.0) is None
    assert beside.sentence("amp", B, BESIDE_S / 2) is None
    assert beside.successor("a", B, BESIDE_S / 2 + 1.0) == "b"


def test_the_next_stream_starts_afresh_and_strangers_stay_strangers():
    beside = Beside()
    beside.sentence("amp", B, 0.0)
    beside.sentence("amp", B, BESIDE_S + 1.0)
    beside.begin()
    assert beside.sentence("amp", A, BESIDE_S + 2.0) is None
    assert beside.not_meant(BESIDE_S + 2.0) == {"b"}
