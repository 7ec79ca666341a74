"""Undirected measures equal those of scipy and mne-connectivity."""

import numpy as np
import pytest
from scipy.signal import coherence

from realtime.errors import BadInput
from tests.helpers.coupled_signals import ALPHA, SFREQ, shared_rhythm
from training.connectivity.spectral import SPECTRAL, pli, plv, spectra, spectral, wpli

ZERO_LAG = {"correlation", "coherence", "plv"}


@pytest.mark.parametrize("kind", SPECTRAL)
def test_a_shared_rhythm_with_a_lag_is_the_strongest_coupling(kind):
    result = spectral(kind, shared_rhythm(lag=3), SFREQ, ALPHA)[0]  # a quarter of a cycle
    if kind == "correlation":  # blind to a quarter of a cycle by definition
        result = spectral(kind, shared_rhythm(lag=1), SFREQ, ALPHA)[0]
    assert np.unravel_index(result.argmax(), result.shape) in {(0, 1), (1, 0)}
    others = np.delete(result.ravel(), [1, 4])
    assert result[0, 1] > 2 * others.max()


@pytest.mark.parametrize("kind", SPECTRAL)
def test_zero_lag_activity_couples_only_in_measures_that_include_it(kind):
    """Coherence, PLV and correlation include zero lag; measures of the imaginary cross-spectrum do not."""
    result = spectral(kind, shared_rhythm(lag=0), SFREQ, ALPHA)[0]
    if kind in ZERO_LAG:
        assert result[0, 1] > 2 * result[2, 3]
        assert result[0, 1] > 0.2
    else:
        assert result[0, 1] < 0.3


def test_coherence_equals_scipys():
    (x, *_) = shared_rhythm(lag=2)
    hz, expected = coherence(x[0], x[1], SFREQ, "hann", nperseg=128)
    result = spectral("coherence", [x], SFREQ, ALPHA)[0, 0, 1]
    assert result == pytest.approx(expected[(hz >= 8) & (hz <= 13)].mean(), rel=1e-9)


def test_plv_pli_and_wpli_of_three_windows_by_hand():
    """The phases of three windows at one frequency."""
    z = np.exp(1j * np.array([[0.0, 0.5], [0.0, 1.0], [0.0, -0.2]]))[:, :, None] * np.array([1.0, 2.0])[:, None]
    lead = -np.array([0.5, 1.0, -0.2])
    assert plv(z)[0, 1] == pytest.approx(abs(np.exp(1j * lead).mean()))
    assert pli(z)[0, 1] == pytest.approx(1 / 3)
    assert wpli(z)[0, 1] == pytest.approx(abs(np.sin(lead).sum()) / abs(np.sin(lead)).sum())


@pytest.mark.parametrize("kind", SPECTRAL)
def test_too_few_windows_are_refused(kind):
    with pytest.raises(BadInput, match="9 windows of 1 s fit into 640 samples at 128 Hz, 30 or more are needed"):
        spectral(kind, [shared_rhythm(lag=2)[0][:, :640]], SFREQ, ALPHA)[0]


def test_a_band_between_two_frequencies_is_refused():
    with pytest.raises(BadInput, match="band 9.2 to 9.8 Hz holds none of the frequencies 1, 2 .. 63 Hz"):
        spectral("plv", shared_rhythm(lag=1), SFREQ, ((9.2, 9.8),))


@pytest.mark.parametrize(
    ("kind", "method", "convert"),
    [
        ("coherence", "coh", np.square),
        ("imaginary_coherence", "imcoh", np.abs),
        ("plv", "plv", np.abs),
        ("pli", "pli", np.abs),
        ("wpli", "wpli", np.abs),
    ],
)
def test_spectral_measures_equal_those_of_mne_connectivity(kind, method, convert):
    """Up to the window: theirs is the symmetric Hann window, ours the periodic one."""
    connectivity = pytest.importorskip("mne_connectivity")
    x = np.concatenate(shared_rhythm(lag=3), axis=1)
    windows = np.stack([x[:, start : start + 128] for start in range(0, x.shape[1] - 127, 64)])
    options = {"sfreq": SFREQ, "mode": "fourier", "fmin": 8.0, "fmax": 13.0, "verbose": "error"}
    reference = connectivity.spectral_connectivity_epochs(windows, method=method, **options)
    lower = convert(reference.get_data("dense")).mean(axis=-1)
    np.testing.assert_allclose(spectral(kind, [x], SFREQ, ALPHA)[0], lower + lower.T, atol=0.01)


def test_signals_shorter_than_a_window_are_left_out():
    signals = shared_rhythm(lag=1)
    z, hz = spectra(signals, SFREQ)
    longer, _ = spectra([*signals, signals[0][:, :100]], SFREQ)
    np.testing.assert_array_equal(z, longer)
    assert hz[:3].tolist() == [0, 1, 2]
