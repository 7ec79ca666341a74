"""Each kind of augmentation does what its field says, and none does anything unasked."""

import numpy as np
import pytest

from training.data.augment import Augment

SIGNAL = np.random.default_rng(1).standard_normal((4, 400)).astype(np.float32) * np.array([[1], [2], [3], [4]], "f4")


def test_without_augmentation_the_crop_is_unchanged_and_nothing_is_drawn():
    rng = np.random.default_rng(0)
    assert np.array_equal(Augment()(SIGNAL, rng), SIGNAL)
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("kind", ["channel_dropout", "amplitude", "noise", "smoothing"])
def test_the_same_draws_give_the_same_float32_crop_and_leave_the_original(kind):
    before = SIGNAL.copy()
    one, two = (Augment(**{kind: 0.9})(SIGNAL, np.random.default_rng(2)) for _ in range(2))
    assert one.dtype == np.float32
    assert one.shape == SIGNAL.shape
    assert np.array_equal(one, two)
    assert not np.array_equal(one, SIGNAL)
    assert np.array_equal(SIGNAL, before)


def test_whole_channels_are_dropped_at_the_given_rate():
    rng = np.random.default_rng(0)
    silent = np.array([(Augment(channel_dropout=0.3)(SIGNAL, rng) == 0).all(axis=1) for _ in range(500)])
    assert silent.mean() == pytest.approx(0.3, abs=0.04)
    kept = Augment(channel_dropout=0.5)(SIGNAL, rng)
    assert all(np.array_equal(row, own) or not row.any() for row, own in zip(kept, SIGNAL, strict=True))


def test_one_gain_a_crop_around_one():
    rng = np.random.default_rng(0)
    gains = []
    for _ in range(400):
        ratio = Augment(amplitude=0.2)(SIGNAL, rng) / SIGNAL
        assert np.ptp(ratio) < 1e-4
        gains.append(np.log(ratio.mean()))
    assert np.mean(gains) == pytest.approx(0, abs=0.04)
    assert np.std(gains) == pytest.approx(0.2, rel=0.15)


def test_noise_is_in_proportion_to_each_channel():
    added = Augment(noise=0.5)(SIGNAL, np.random.default_rng(0)) - SIGNAL
    np.testing.assert_allclose(added.std(axis=1), 0.5 * SIGNAL.std(axis=1), rtol=0.15)


def test_smoothing_is_a_mean_of_five_samples_that_never_looks_ahead():
    smooth = Augment(smoothing=1.0)(SIGNAL, np.random.default_rng(0))
    np.testing.assert_allclose(smooth[:, 10], SIGNAL[:, 6:11].mean(axis=1), rtol=1e-4)
    np.testing.assert_allclose(smooth[:, 0], SIGNAL[:, 0], rtol=1e-4)
    rng = np.random.default_rng(0)
    often = np.mean([not np.array_equal(Augment(smoothing=0.3)(SIGNAL, rng), SIGNAL) for _ in range(500)])
    assert often == pytest.approx(0.3, abs=0.05)
