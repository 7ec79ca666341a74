"""Whole recordings, streamed recordings and the bundle give the same embeddings and the same trials."""

import numpy as np
import pytest

from realtime.bundle import Bundle
from realtime.decoder import Decoder
from realtime.errors import BadInput
from realtime.recording import Recording
from training.dataset import load_dataset, load_split
from training.decode import decode, onnx_encoder, save_embeddings, torch_encoder
from training.prepare import marks_of
from training.run import Run


@pytest.fixture(scope="module")
def ways(trained):
    """The test recording, whole, streamed, and by the bundle."""
    run, decoder = Run.load(trained.run), Decoder(Bundle.load(trained.bundle))
    network, bank = run.trained()
    recordings = load_split(load_dataset(trained.data), "test")
    return {
        "whole": decode(recordings, run.front(), bank, torch_encoder(network, False)),
        "streamed": decode(recordings, run.front(), bank, torch_encoder(network, True), streaming=True),
        "bundle": decode(recordings, decoder.front, decoder.bank, onnx_encoder(decoder), streaming=True),
    }


@pytest.mark.parametrize("way", ["streamed", "bundle"])
def test_streamed_and_exported_give_the_embeddings_of_the_whole(ways, way):
    one, two = ways["whole"], ways[way]
    np.testing.assert_allclose(one.embedding, two.embedding, atol=1e-4)
    np.testing.assert_allclose(one.inner, two.inner, atol=1e-4)
    for key in ("since_onset_s", "trial", "sample", "recording", "label"):
        assert np.array_equal(getattr(one, key), getattr(two, key))


def test_a_bundles_decoder_answers_live_what_evaluation_measured(trained, ways):
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
    measured = ways["bundle"]
    p = measured.p(bundle.calibration, bundle.manifest.window_s[1])
    assert [d.sample for d in live] == measured.sample.tolist()
    assert [-1 if d.trial is None else d.trial for d in live] == measured.trial.tolist()
    np.testing.assert_allclose([d.embedding for d in live], measured.embedding, atol=1e-5)
    np.testing.assert_allclose([d.top[0].p for d in live], p.max(axis=1), atol=1e-4)


def noise(seconds: float, rows: tuple[int, ...] = (), gaps: tuple = ()) -> Recording:
    samples = np.random.default_rng(0).standard_normal((round(128 * seconds), 4)).astype(np.float32)
    markers = tuple((row, ("slow", "fast", "unheard of")[i % 3]) for i, row in enumerate(rows))
    return Recording(samples, 128.0, ("Fz", "Cz", "Pz", "Oz"), markers, gaps, "noise")


def test_trials_are_numbered_over_all_recordings(trained):
    run = Run.load(trained.run)
    network, bank = run.trained()
    recordings = [noise(5, (100, 300), gaps=((150, 40),)), noise(0.03, ()), noise(4, (10, 200, 400))]
    found = decode(recordings, run.front(), bank, torch_encoder(network, False))
    assert found.label.tolist() == [0, 1, 0, 1, -1]
    assert sorted(set(found.trial)) == [-1, 0, 1, 2, 3, 4]
    offset = np.array([0, 0, 2])
    for trial, sample, number, since in zip(
        found.trial, found.sample, found.recording, found.since_onset_s, strict=True
    ):
        if trial >= 0:
            onset = marks_of(recordings[number])[trial - offset[number]][0]
            assert since == pytest.approx((sample - onset) / 128)


def test_without_cues_the_network_hears_no_onset_but_trials_are_still_known(trained):
    run = Run.load(trained.run)
    network, bank = run.trained()
    heard = []

    def encode(hops):
        heard.extend(hop.onset for hop in hops)
        return torch_encoder(network, False)(hops)

    uncued = decode([noise(4, (100,))], run.front(), bank, encode, cued=False)
    assert set(heard) == {-1.0}
    assert (uncued.since_onset_s >= 0).sum() == (uncued.trial == 0).sum() > 10


def test_a_recording_shorter_than_one_decision_is_refused(trained):
    run = Run.load(trained.run)
    network, bank = run.trained()
    with pytest.raises(BadInput, match="noise: too short for one decision"):
        decode([noise(0.02)], run.front(), bank, torch_encoder(network, False))


def test_saved_embeddings_are_read_back(ways, tmp_path):
    save_embeddings(ways["whole"], tmp_path / "e.npz")
    with np.load(tmp_path / "e.npz") as saved:
        assert np.array_equal(saved["embedding"], ways["whole"].embedding)
        assert {"recording", "sample", "trial"} <= set(saved.files)
