"""A stream of the same name is a successor of a silent one, or a stranger that is never read."""

from realtime.live.duplicates import DUPLICATE_AFTER_S, DuplicateStreams

A, B = {"a": "'amp' A"}, {"b": "'amp' B"}


def test_a_new_stream_replaces_a_silent_one_which_is_then_excluded_for_a_while():
    duplicates = DuplicateStreams()
    assert duplicates.replacement("a", (), 0.0) is None
    assert duplicates.excluded_uids(0.0) == set()
    assert duplicates.replacement("a", B, 1.0) == "b"
    assert duplicates.excluded_uids(1.1) == {"a"}
    assert duplicates.excluded_uids(1.1 + DUPLICATE_AFTER_S) == set()


def test_duplicate_stream_is_reported_once_and_never_replaces_the_source():
    duplicates = DuplicateStreams()
    assert duplicates.change("amp", B, 0.0) is None
    assert duplicates.change("amp", B, DUPLICATE_AFTER_S - 0.1) is None
    assert "there is 'amp' B" in (duplicates.change("amp", B, DUPLICATE_AFTER_S + 0.1) or "")
    assert duplicates.change("amp", B, DUPLICATE_AFTER_S + 9.0) is None
    assert duplicates.replacement("a", B, DUPLICATE_AFTER_S + 10.0) is None
    assert duplicates.replacement("a", {**B, "c": "'amp' C"}, DUPLICATE_AFTER_S + 10.0) == "c"
    assert "No other stream than 'amp'" in (duplicates.change("amp", {}, DUPLICATE_AFTER_S + 11.0) or "")
    assert "b" in duplicates.excluded_uids(1e6)


def test_a_stream_that_appears_seconds_before_the_silence_is_a_replacement():
    duplicates = DuplicateStreams()
    assert duplicates.change("amp", B, 0.0) is None
    assert duplicates.change("amp", B, DUPLICATE_AFTER_S / 2) is None
    assert duplicates.replacement("a", B, DUPLICATE_AFTER_S / 2 + 1.0) == "b"


def test_the_next_stream_starts_anew_and_other_set_ups_stay_excluded():
    duplicates = DuplicateStreams()
    duplicates.change("amp", B, 0.0)
    duplicates.change("amp", B, DUPLICATE_AFTER_S + 1.0)
    duplicates.begin()
    assert duplicates.change("amp", A, DUPLICATE_AFTER_S + 2.0) is None
    assert duplicates.excluded_uids(DUPLICATE_AFTER_S + 2.0) == {"b"}
