"""One call decodes a whole file or one live chunk, and a stream's state can be saved, moved and resumed."""

import subprocess
import sys
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from scipy.special import softmax

from realtime.bundle.bundle import Bundle
from realtime.bundle.calibration import Calibration
from realtime.decoding.decoder import Decoder
from realtime.decoding.runner import OnnxEncoder
from realtime.errors import BadInput
from tests.helpers.bundles import CAP, CH_NAMES, LABELS, encoder, tiny_bundle

SFREQ = 160.0
ONSETS = [100, 400, 700]
CAP_SAMPLES = 20 * np.random.default_rng(1).normal(size=(1600, len(CAP))) + 500
SAMPLES = 20 * np.random.default_rng(0).normal(size=(1600, len(CH_NAMES))) + 500
RESUME = """
import sys
import numpy as np
from safetensors.numpy import load_file
from realtime.bundle.bundle import Bundle
from realtime.decoding.decoder import Decoder
folder, state, samples, out = sys.argv[1:]
state = dict(np.load(state)) if state.endswith("npz") else load_file(state)
decisions, _ = Decoder(Bundle.load(folder)).step(np.load(samples), state)
np.save(out, [decision.embedding for decision in decisions])
print(*decisions, sep="\\n")
assert "torch" not in sys.modules
"""


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    return Decoder(tiny_bundle(tmp_path_factory.mktemp("decoder") / "tiny", sfreq=SFREQ))


def test_the_promise_of_the_readme(flagship):
    samples = CAP_SAMPLES
    bundle = Bundle.load(flagship.path)
    decoder = Decoder(bundle)
    whole, _ = decoder.step(samples, decoder.start())
    state, live = decoder.start(), []
    for chunk in np.array_split(samples, 97):
        decisions, state = decoder.step(chunk, state)
        live += decisions
    assert [d.top for d in live] == [d.top for d in whole]
    assert live == whole
    assert len(whole) == 160


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 1600), max_size=12))
def test_decisions_embeddings_and_state_are_the_same_for_any_chunking(decoder, cuts):
    whole, last = decoder.step(SAMPLES, decoder.start(), ONSETS)
    state, live = decoder.start(), []
    for start, stop in pairwise([0, *sorted(cuts), 1600]):
        decisions, state = decoder.step(SAMPLES[start:stop], state, () if start else ONSETS if not live else ())
        live += decisions
        if not start and not stop:
            state = decoder.step(SAMPLES[:0], decoder.start())[1]  # told again with the next chunk
    assert live == whole
    assert all(np.array_equal(a.embedding, b.embedding) for a, b in zip(live, whole, strict=True))
    assert list(state) == list(last)
    assert all(np.array_equal(state[key], last[key]) for key in last)


@pytest.mark.parametrize("kind", ["safetensors", "npz"])
def test_a_saved_state_resumes_in_another_process_with_identical_decisions(flagship, tmp_path, kind):
    decoder = Decoder(flagship)
    _, state = decoder.step(CAP_SAMPLES[:777], decoder.start(), ONSETS)
    want, _ = decoder.step(CAP_SAMPLES[777:], state)
    file = tmp_path / f"state.{kind}"
    if kind == "npz":
        np.savez(file, **state)
    else:
        save_file(state, file)
        assert all(np.array_equal(value, state[key]) for key, value in load_file(file).items())
    np.save(tmp_path / "samples.npy", CAP_SAMPLES[777:])
    command = [sys.executable, "-c", RESUME, flagship.path, file, tmp_path / "samples.npy", tmp_path / "out.npy"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert text.splitlines() == [str(decision) for decision in want]
    assert np.array_equal(np.load(tmp_path / "out.npy"), [decision.embedding for decision in want])


def test_state_is_arrays_only_and_a_step_changes_none_of_them(decoder):
    state = decoder.start()
    kept = {key: value.copy() for key, value in state.items()}
    _, after = decoder.step(SAMPLES, state, ONSETS)
    assert all(np.array_equal(state[key], kept[key]) for key in kept)
    for later in (after, decoder.skip(after, 10)):
        assert set(later) == set(state)
        assert all(isinstance(value, np.ndarray) and value.flags.c_contiguous for value in later.values())


def test_streams_in_one_batch_give_the_decisions_of_each_alone(flagship):
    decoder = Decoder(flagship)
    streams = [CAP_SAMPLES, CAP_SAMPLES[::-1].copy()]
    alone = [decoder.step(x, decoder.start(), ONSETS)[0] for x in streams]
    cut = [decoder.prepare(x, decoder.start(), ONSETS) for x in streams]
    states, embeddings = [state for _, state in cut], []
    for hops in zip(*(hops for hops, _ in cut), strict=True):
        both, states = decoder.encode(hops, states)
        embeddings.append(np.concatenate(both))
    for i, decisions in enumerate(alone):
        want = np.array([decision.embedding for decision in decisions])
        np.testing.assert_allclose(np.array(embeddings)[:, i], want, atol=1e-5)


def test_overlapping_trials_on_tracks_are_decoded_as_by_a_decoder_for_each_track(flagship):
    decoder = Decoder(flagship)
    onsets = list(range(30, len(CAP_SAMPLES) - 200, round(0.1 * decoder.frontend.preprocess.sfreq_in)))
    tracks = 13
    got, _ = decoder.step(CAP_SAMPLES, decoder.start(tracks), onsets)
    assert max(Counter(decision.number for decision in got).values()) > 8  # so many trials run at once
    for track in (0, 5, 12):
        alone, _ = decoder.step(CAP_SAMPLES, decoder.start(), onsets[track::tracks])
        want = [d for d in alone if d.trial is not None]
        ours = [d for d in got if d.trial is not None and d.trial % tracks == track]
        assert [(d.number, d.trial, d.since_onset_s) for d in ours] == [
            (d.number, d.trial * tracks + track, d.since_onset_s) for d in want
        ]
        np.testing.assert_allclose([d.embedding for d in ours], [d.embedding for d in want], atol=1e-5)
        assert [d.top[0].label for d in ours] == [d.top[0].label for d in want]


def test_tracks_give_one_decision_while_no_trial_runs(decoder):
    got, _ = decoder.step(SAMPLES, decoder.start(4), [])
    want, _ = decoder.step(SAMPLES, decoder.start(), [])
    assert [(d.number, d.trial) for d in got] == [(d.number, None) for d in want]


def test_lost_samples_start_everything_but_the_scale_from_silence(decoder):
    _, state = decoder.step(SAMPLES[:805], decoder.start(), ONSETS)
    skipped = decoder.skip(state, 40)
    assert not skipped["encoder.sum"].any()
    assert skipped["evidence.trial"].tolist() == [-1]
    assert np.array_equal(skipped["pre.scale.log"], state["pre.scale.log"])
    decisions, _ = decoder.step(SAMPLES[805:], skipped)
    assert decisions[0].number == 80
    assert decisions[0].gap
    assert not decisions[-1].gap


def test_a_decision_names_labels_samples_and_bad_channels(decoder):
    x = SAMPLES.copy()
    x[500, 3] = np.nan
    decisions, _ = decoder.step(x, decoder.start(), ONSETS)
    for decision in decisions:
        assert {c.label for c in decision.top} == set(LABELS)
        assert sum(c.p for c in decision.top) == pytest.approx(1)
        assert [c.similarity for c in decision.top] == sorted((c.similarity for c in decision.top), reverse=True)
        assert decision.bad_channels == (("C4",) if decision.sample - 10 < 500 <= decision.sample else ())


def test_bad_channels_and_artifacts_are_named_and_lower_the_confidence(decoder):
    x = SAMPLES.copy()
    x[400:900, 3] = x[400, 3]
    x[1300:1340] *= 20
    decisions, _ = decoder.step(x, decoder.start())
    flat = [d for d in decisions if d.bad_channels]
    assert {d.bad_channels for d in flat} == {("C4",)}
    assert 400 < flat[0].sample <= 400 + 0.5 * SFREQ + 10
    assert 900 < flat[-1].sample < 900 + 1.5 * SFREQ
    assert [d.artifact for d in decisions] == [1299 < d.sample < 1410 and d.artifact for d in decisions]
    assert any(d.artifact for d in decisions)
    calibration = decoder.confidence.calibration
    for d in flat:
        inner, _ = decoder.bank.scores(d.embedding[None])
        factor = calibration.scale(np.array(-1.0), 1.0) * calibration.bad_channel_factor(np.arange(len(CH_NAMES)) == 3)
        np.testing.assert_allclose(d.p, softmax(factor * inner[0]), rtol=1e-5)


def test_a_bad_channel_lowers_the_confidence_by_its_cost_in_the_bundle(tmp_path):
    costs = tuple(float(channel) for channel in range(len(CH_NAMES)))
    calibration = Calibration(bad_cost=costs)
    decoder = Decoder(tiny_bundle(tmp_path / "costly", calibration=calibration))
    x = SAMPLES.copy()
    x[400:, 3] = x[400, 3]
    decisions, _ = decoder.step(x, decoder.start())
    for d in decisions:
        inner, _ = decoder.bank.scores(d.embedding[None])
        factor = calibration.scale(np.array(-1.0), 1.0) / (1 + costs[3] * bool(d.bad_channels))
        np.testing.assert_allclose(d.p, softmax(factor * inner[0]), rtol=1e-5)
    assert {d.bad_channels for d in decisions} == {(), ("C4",)}


def test_where_every_channel_is_bad_every_label_is_about_as_likely(decoder):
    x = SAMPLES.copy()
    x[400:] = x[400]
    *_, last = decoder.step(x, decoder.start())[0]
    assert set(last.bad_channels) == set(CH_NAMES)
    np.testing.assert_allclose(last.p, 1 / len(LABELS), rtol=0.05)
    assert not last.decided


def test_costs_of_another_number_of_channels_are_refused(tmp_path):
    bundle = tiny_bundle(tmp_path / "short", calibration=Calibration(bad_cost=(1.0, 2.0)))
    with pytest.raises(BadInput, match=r"'calibration.bad_cost' has 2 values, needs one for each of 8 channels"):
        Decoder(bundle)


def test_the_encoder_has_run_before_the_first_sample_comes(decoder, monkeypatch):
    runs, step = [], OnnxEncoder.step
    monkeypatch.setattr(OnnxEncoder, "step", lambda *args: runs.append(args) or step(*args))
    assert Decoder(decoder.bundle).encoder.why
    assert len(runs) == 1


@pytest.mark.parametrize("shape", [(10, 7), (10, 9), (8,), (2, 10, 8)])
def test_samples_of_the_wrong_shape_are_refused(decoder, shape):
    with pytest.raises(BadInput, match=r"samples: shape .* found, \(n_times, 8\) needed .* bundle tiny"):
        decoder.step(np.zeros(shape), decoder.start())


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"states": ["sum", "past"]}, r"encoder\.onnx: states \['past'\] differ between the encoder and the manifest"),
        ({"states": []}, r"encoder\.onnx: states \['sum'\] differ"),
        ({"hop_samples": 16}, r"encoder\.onnx: takes 8 channels by 8 samples, the manifest says 8 by 16"),
        ({"model": encoder(5)}, r"encoder\.onnx: takes 5 channels by 8 samples, the manifest says 8 by 8"),
        ({"model": encoder(dim=7)}, r"encoder\.onnx: output 'embedding' is 7 wide, the bank's vectors 6"),
        ({"model": encoder(next_name="next.total")}, r"encoder\.onnx: next\.sum, state\.total is missing"),
        ({"model": encoder(signal="samples")}, r"encoder\.onnx: input 'signal' is missing"),
    ],
)
def test_an_encoder_that_does_not_fit_its_manifest_is_refused_before_serving(tmp_path, fields, sentence):
    bundle = tiny_bundle(tmp_path / "b", **fields)
    with pytest.raises(BadInput, match=sentence) as caught:
        Decoder(bundle)
    assert "\n" not in str(caught.value)
