"""A session as bytes: read back by the same bundle, refused in a sentence where it is damaged or foreign."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.decoding.decoder import Decoder
from realtime.errors import BadInput
from realtime.live.saved_session import SavedSession, pack, unpack
from realtime.stream import Marker
from tests.helpers.bundles import CH_NAMES, LABELS, tiny_bundle

SFREQ = 160.0
SAMPLES = 20 * np.random.default_rng(0).normal(size=(1600, len(CH_NAMES))) + 500


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    return Decoder(tiny_bundle(tmp_path_factory.mktemp("saved") / "tiny", sfreq=SFREQ))


@settings(max_examples=30, deadline=None)
@given(keep=st.floats(0, 1), flip=st.integers(0, 10**6))
def test_a_damaged_saved_session_is_refused_or_complete(decoder, keep, flip):
    state = decoder.start()
    data = bytearray(pack(SavedSession(decoder.bundle.hash, 5.0, (Marker("owl", 1.0),), ((7, "owl"),), state)))
    data[flip % len(data)] ^= 0xFF
    for broken in (bytes(data), bytes(data[: int(keep * (len(data) - 1))])):
        try:
            found = unpack(broken, decoder)
        except BadInput as error:
            if not str(error).startswith("saved session: "):
                raise
        else:
            assert set(found.state) == set(state)


@pytest.mark.parametrize(("key", "value"), [("version", None), ("version", 2), ("t_next", "soon"), ("t_next", np.nan)])
def test_a_saved_session_of_another_version_or_without_a_time_is_refused(decoder, monkeypatch, key, value):
    """Before anything else in it is read: another version may hold anything."""
    dumps = json.dumps

    def changed(about):
        kept = about | {key: value}
        return dumps({k: v for k, v in kept.items() if v is not None} if key == "version" else kept)

    with monkeypatch.context() as patched:
        patched.setattr("realtime.live.saved_session.json.dumps", changed)
        data = pack(SavedSession(decoder.bundle.hash, 5.0, (), (), decoder.start()))
    with pytest.raises(BadInput, match=f"saved session: .*{'version' if value in (None, 2) else 'cannot be read'}"):
        unpack(data, decoder)


def test_a_session_saved_by_another_bundle_is_refused(decoder):
    data = pack(SavedSession("sha256:another", None, (), (), decoder.start()))
    with pytest.raises(BadInput, match="bundle is sha256"):
        unpack(data, decoder)


@pytest.mark.parametrize("adapt", [False, True])
@pytest.mark.parametrize("tracks", [1, 3])
def test_a_session_saved_at_any_moment_fits_the_start_state(decoder, tracks, adapt):
    """With part of a hop, trials to come, and labels to learn from; a sample, a second and several after the start."""
    state = decoder.start(tracks, adapt)
    for first, last in ((0, 0), (0, 1), (1, 160), (160, 1003)):
        onsets = [onset for onset in (100, 200, 250, 1100, 1105) if first <= onset - 105 < last]
        state = decoder.with_labels(state, [(len(onsets), LABELS[0])])
        _, state = decoder.step(SAMPLES[first:last], state, onsets)
        data = pack(SavedSession(decoder.bundle.hash, 5.0, (), (), state))
        found = unpack(data, decoder).state
        assert all(np.array_equal(found[key], value) for key, value in state.items())
    assert len(state["onset.pending"]) == 2
    assert len(state["hop.left"]) > 0


@pytest.mark.parametrize(
    ("key", "change", "sentence"),
    [
        ("pre.scale.log", lambda x: x[:, :-1], r"pre.scale.log is float64 \(1, 7\), but float64 \(1, 8\) is needed"),
        ("hop.number", lambda x: x.astype(np.int32), r"hop.number is int32 \(\), but int64 \(\) is needed"),
        ("onset.pending", lambda x: np.zeros((2, 3), int), r"onset.pending is int64 \(2, 3\), but int64 \(2, 2\)"),
        ("onset.current", lambda x: x[:0], r"onset.current is int64 \(0, 2\), but int64 \(1, 2\) is needed"),
        ("evidence.trial", lambda x: x.repeat(2), r"evidence.trial is int64 \(4,\), but int64 \(2,\) is needed"),
        ("hop.left", lambda x: x.sum(), r"hop.left is float64 \(\), but float64 \(0, 8\) is needed"),
    ],
)
def test_a_state_of_another_shape_or_type_is_refused(decoder, key, change, sentence):
    state = decoder.start(2)
    data = pack(SavedSession(decoder.bundle.hash, 5.0, (), (), state | {key: change(state[key])}))
    with pytest.raises(BadInput, match=f"saved session: {sentence}.*; save the session again"):
        unpack(data, decoder)
