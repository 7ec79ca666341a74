import numpy as np
import pytest

from realtime.decoding.frontend import Frontend
from realtime.errors import BadInput
from realtime.preprocess.chain import Preprocess
from realtime.preprocess.config import PreprocessConfig
from training.data.readers.trials import BLOCK_EPOCHS, TRAIN, Epochs, epoch_blocks, make_trials, onset_row_of
from training.data.segments import preprocess_recording


def epochs(n: int = 12, n_channels: int = 4, n_times: int = 100, seed: int = 0) -> Epochs:
    samples = np.random.default_rng(seed).standard_normal((n, n_channels, n_times)) + 50
    return Epochs(samples, 100.0, 20, tuple(f"EEG{i}" for i in range(n_channels)), "epochs.npy")


def front() -> Frontend:
    config = PreprocessConfig(highpass_hz=1.0, lowpass_hz=30.0, sfreq=100.0, reference="none")
    return Frontend(Preprocess(config, tuple(f"EEG{i}" for i in range(4)), 100.0), 4, 0.8)


def test_each_epoch_becomes_a_segment_with_its_onset():
    recording = epochs().recording(np.arange(12), [f"picture{i}" for i in range(12)])
    segments = preprocess_recording(recording, front(), [f"picture{i}" for i in range(12)])
    assert len(segments) == 12
    assert all(segment.signal.shape == (4, 100) for segment in segments)
    assert [int(np.searchsorted(segment.sample, segment.onsets[0])) for segment in segments] == [20] * 12
    assert [segment.labels.tolist() for segment in segments] == [[i] for i in range(12)]


def test_no_filter_state_passes_from_one_epoch_to_the_next():
    # The running scale is slow and is carried on; filters are not, so each epoch keeps its form whatever came before.
    kept = epochs()
    others = np.concatenate([np.random.default_rng(9).standard_normal((11, 4, 100)) * 5 - 900, kept.samples[11:]])
    changed = Epochs(others, 100.0, 20, kept.ch_names, "epochs.npy")
    names = [str(i) for i in range(12)]
    after = [preprocess_recording(one.recording(np.arange(12), names), front(), names)[-1] for one in (kept, changed)]
    forms = [segment.signal / np.abs(segment.signal[:, 50:]).mean() for segment in after]
    assert np.corrcoef(forms[0].ravel(), forms[1].ravel())[0, 1] > 0.99
    assert np.abs(after[0].signal[:, 0]).max() < 1e-3  # settled on the first sample, although that is 50 units up


def test_blocks_are_of_bounded_size_and_keep_every_trial():
    n = 2 * BLOCK_EPOCHS + 5
    many = epochs(n, 1, 2)
    names = np.array([f"p{i}" for i in range(n)])
    blocks = list(epoch_blocks(many, make_trials(np.arange(n), names, names, TRAIN, 1)))
    assert [len(block.trials) for block in blocks] == [BLOCK_EPOCHS, BLOCK_EPOCHS, 5]
    joined = np.concatenate([block.signal.samples for block in blocks])
    np.testing.assert_array_equal(joined, many.samples)
    assert np.concatenate([block.trials.picture for block in blocks]).tolist() == names.tolist()


def test_selected_epochs_carry_their_own_labels():
    recording = epochs().recording(np.array([3, 7]), ["cat", "dog"])
    assert recording.markers == ((20, "cat"), (120, "dog"))
    assert recording.gaps == ((100, 1),)
    np.testing.assert_allclose(recording.samples[:100].T, epochs().samples[3] * 10, rtol=1e-6)


@pytest.mark.parametrize(
    ("start", "n", "step", "row"), [(-0.2, 100, 0.01, 20), (0.0, 250, 0.004, 0), (-0.1, 281, 0.005, 20)]
)
def test_the_onset_of_an_epoch_follows_from_its_times(start, n, step, row):
    assert onset_row_of(start + step * np.arange(n), "x.npy") == (pytest.approx(1 / step), row)


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        (np.arange(5) / 10 + 0.05 + 0.05, "times goes from 0.1 to 0.5 s, but needs to hold the onset"),
        (np.array([-0.1, 0.0, 0.5]), "times needs equal steps in seconds"),
        (np.array([-0.1, np.nan, 0.1]), "times needs equal steps in seconds"),
        (np.array([0.1, 0.0, -0.1]), "times needs equal steps in seconds"),
    ],
)
def test_times_without_an_onset_are_refused(times, sentence):
    with pytest.raises(BadInput, match=f"x.npy: {sentence}"):
        onset_row_of(times, "x.npy")
