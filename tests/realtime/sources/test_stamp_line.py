import numpy as np
import pytest

from realtime.sources.stamp_line import EARLY_S, Deviations

SFREQ = 250.0


def deviations(stamps: np.ndarray) -> Deviations:
    """Sums over stamps whose nominal pace is SFREQ."""
    n = np.arange(len(stamps))
    late = stamps - stamps[0] - n / SFREQ
    return Deviations(float(late.sum()), float((late * n).sum()), float((late**2).sum()))


@pytest.mark.parametrize(("true_sfreq", "confirmed"), [(SFREQ, True), (1.005 * SFREQ, True), (0.9 * SFREQ, False)])
def test_steady_stamps_confirm_the_nominal_rate_and_no_other(true_sfreq, confirmed):
    n = round(EARLY_S * SFREQ)
    assert deviations(np.arange(n) / true_sfreq).confirm_nominal(n, SFREQ) == confirmed


def test_too_few_or_too_noisy_stamps_confirm_nothing():
    n = round(EARLY_S * SFREQ)
    steady = np.arange(n) / SFREQ
    assert not deviations(steady[: n - 1]).confirm_nominal(n - 1, SFREQ)
    noisy = steady + np.random.default_rng(0).normal(0, 0.05, n)
    assert not deviations(noisy).confirm_nominal(n, SFREQ)
