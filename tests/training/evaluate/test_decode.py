"""Whole recordings, streamed recordings and the bundle give the same embeddings and trials."""

from dataclasses import replace

import numpy as np
import pytest

from realtime.bundle.bundle import Bundle
from realtime.decoding.decoder import Decoder
from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.data.dataset import load_dataset, load_split
from training.data.segments import event_samples
from training.evaluate.decode import DecodedHops, decode_recordings, save_embeddings, tracks_needed
from training.evaluate.encoders import onnx_encoder, onset_input, torch_encoder
from training.runs.run import Run


@pytest.fixture(scope="module")
def decodings(trained):
    """The test recording, whole, streamed, and by the bundle."""
    run, decoder = Run.load(trained.run), Decoder(Bundle.load(trained.bundle))
    network, bank = run.load_trained()
    recordings = load_split(load_dataset(trained.data), "test")
    return {
        "whole": decode_recordings(recordings, run.make_frontend(), bank, torch_encoder(network, False)),
        "streamed": decode_recordings(
            recordings, run.make_frontend(), bank, torch_encoder(network, True), streaming=True
        ),
        "bundle": decode_recordings(recordings, decoder.frontend, decoder.bank, onnx_encoder(decoder), streaming=True),
    }


@pytest.mark.parametrize("kind", ["streamed", "bundle"])
def test_streamed_and_exported_decoding_equals_whole_decoding(decodings, kind):
    whole, other = decodings["whole"], decodings[kind]
    np.testing.assert_allclose(whole.embedding, other.embedding, atol=1e-4)
    np.testing.assert_allclose(whole.logits, other.logits, atol=1e-4)
    for key in ("since_onset_s", "trial", "sample", "recording", "label"):
        assert np.array_equal(getattr(whole, key), getattr(other, key))


def test_a_live_decoder_decides_as_evaluation_does(trained, decodings):
    """`Decoder.step` on chunks of any size: the same embeddings, trials and probabilities."""
    bundle = Bundle.load(trained.bundle)
    decoder = Decoder(bundle)
    [recording] = load_split(load_dataset(trained.data), "test")
    state, live = decoder.start(), []
    onsets = [row for row, _ in recording.markers]
    for chunk in np.array_split(recording.samples.astype(float), 97):
        decisions, state = decoder.step(chunk, state, onsets)
        live += decisions
        onsets = []
    measured = decodings["bundle"]
    p = measured.p(bundle.calibration, bundle.manifest.window_s[1])
    assert [d.sample for d in live] == measured.sample.tolist()
    assert [-1 if d.trial is None else d.trial for d in live] == measured.trial.tolist()
    np.testing.assert_allclose([d.embedding for d in live], measured.embedding, atol=1e-5)
    np.testing.assert_allclose([d.top[0].p for d in live], p.max(axis=1), atol=1e-4)


def noise(seconds: float, rows: tuple[int, ...] = (), gaps: tuple = ()) -> Recording:
    samples = np.random.default_rng(0).standard_normal((round(128 * seconds), 4)).astype(np.float32)
    markers = tuple((row, ("slow", "fast", "unknown")[i % 3]) for i, row in enumerate(rows))
    return Recording(samples, 128.0, ("Fz", "Cz", "Pz", "Oz"), markers, gaps, "noise")


def test_trials_are_numbered_over_all_recordings(trained):
    run = Run.load(trained.run)
    network, bank = run.load_trained()
    recordings = [noise(5, (100, 300), gaps=((150, 40),)), noise(0.03, ()), noise(4, (10, 200, 400))]
    decoded = decode_recordings(recordings, run.make_frontend(), bank, torch_encoder(network, False))
    assert decoded.label.tolist() == [0, 1, 0, 1, -1]
    assert sorted(set(decoded.trial)) == [-1, 0, 1, 2, 3, 4]
    offset = np.array([0, 0, 2])
    for trial, sample, number, since in zip(
        decoded.trial, decoded.sample, decoded.recording, decoded.since_onset_s, strict=True
    ):
        if trial >= 0:
            onset = event_samples(recordings[number])[trial - offset[number]][0]
            assert since == pytest.approx((sample - onset) / 128)


def test_uncued_decoding_gives_the_network_no_onset_but_numbers_the_trials(trained):
    run = Run.load(trained.run)
    network, bank = run.load_trained()
    onsets = []

    def encode(hops):
        onsets.extend(onset_input(hops))
        return torch_encoder(network, False)(hops)

    uncued = decode_recordings([noise(4, (100,))], run.make_frontend(), bank, encode, cued=False)
    assert set(onsets) == {-1.0}
    assert (uncued.since_onset_s >= 0).sum() == (uncued.trial == 0).sum() > 10


def test_a_recording_shorter_than_one_hop_is_refused(trained):
    run = Run.load(trained.run)
    network, bank = run.load_trained()
    with pytest.raises(BadInput, match="noise: too short for one decision"):
        decode_recordings([noise(0.02)], run.make_frontend(), bank, torch_encoder(network, False))


def test_saved_embeddings_are_read_back(decodings, tmp_path):
    save_embeddings(decodings["whole"], tmp_path / "e.npz")
    with np.load(tmp_path / "e.npz") as saved:
        assert np.array_equal(saved["embedding"], decodings["whole"].embedding)
        assert {"recording", "sample", "trial"} <= set(saved.files)


def trial_ends(decoded: DecodedHops) -> list[float]:
    """Newest decision of each trial, seconds since its onset."""
    return [float(decoded.since_onset_s[decoded.trial == trial].max()) for trial in range(len(decoded.label))]


def test_overlapping_trials_on_tracks_are_decoded_to_the_end_of_their_window(trained):
    """Windows of 1 s every 0.6 s. One track ends a trial at the next onset; on two none is cut short."""
    run = Run.load(trained.run)
    network, bank = run.load_trained()
    recordings = [noise(6, (100, 177, 254, 331)), noise(4, (100, 177))]
    encode, hop_s = torch_encoder(network, False), run.make_frontend().hop_s
    assert tracks_needed(recordings, 1.0) == 2
    one = decode_recordings(recordings, run.make_frontend(), bank, encode)
    two = decode_recordings(recordings, run.make_frontend(), bank, encode, tracks=2)
    short, whole = 77 / 128, 1.0
    want_one = [short, short, short, whole, short, whole]
    assert all(want - hop_s <= end <= want for end, want in zip(trial_ends(one), want_one, strict=True))
    assert all(whole - hop_s <= end <= whole for end in trial_ends(two))
    # Tracks follow each other: trials 0 and 2 of the first recording, the first of the second, then the others.
    assert two.label.tolist() == [0, -1, 0, 1, 0, 1]
    assert sorted(one.label) == sorted(two.label)
    assert two.recording[two.trial == 2].tolist() == [1] * (two.trial == 2).sum()
    assert len(two.embedding) == 2 * len(one.embedding)


def test_a_track_equals_a_stream_with_the_trials_of_that_track_only(trained):
    run = Run.load(trained.run)
    network, bank = run.load_trained()
    recording, encode = noise(6, (100, 177, 254)), torch_encoder(network, False)
    both = decode_recordings([recording], run.make_frontend(), bank, encode, tracks=2)
    alone = [
        decode_recordings([replace(recording, markers=recording.markers[track::2])], run.make_frontend(), bank, encode)
        for track in range(2)
    ]
    for key in ("embedding", "logits", "since_onset_s", "sample", "recording", "label"):
        assert np.array_equal(getattr(both, key), np.concatenate([getattr(track, key) for track in alone]))
    second = np.where(alone[1].trial >= 0, alone[1].trial + 2, -1)  # numbered on after the two of the first track
    assert np.array_equal(both.trial, np.concatenate([alone[0].trial, second]))


@pytest.mark.parametrize(
    ("rows", "gaps", "tracks"),
    [
        ((), (), 1),
        ((100,), (), 1),
        ((100, 228), (), 1),  # the next begins as the window ends
        ((100, 227), (), 2),
        ((10, 20, 30, 40, 300), (), 4),
        ((100, 200), ((150, 40),), 1),  # lost samples are time, too
    ],
)
def test_tracks_needed_is_the_largest_number_of_overlapping_trials(rows, gaps, tracks):
    assert tracks_needed([noise(2.9), noise(2.9, rows, gaps)], 1.0) == tracks
