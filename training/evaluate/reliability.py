"""Reliability of confidence: whether answers at 70 % are right 70 % of the time."""

from typing import Any

import numpy as np

N_BINS = 10  # of equal width


def reliability_bins(p: np.ndarray, correct: np.ndarray) -> list[dict[str, Any]]:
    """Mean confidence and accuracy of the answers (n_trials,) in each bin that holds a trial; a NaN is confidence 1."""
    p, bins = _binned(p)
    return [
        {
            "p_from": round(b / N_BINS, 4),
            "p_to": round((b + 1) / N_BINS, 4),
            "n": int((bins == b).sum()),
            "confidence": round(float(p[bins == b].mean()), 4),
            "accuracy": round(float(correct[bins == b].mean()), 4),
        }
        for b in np.unique(bins).tolist()
    ]


def calibration_error(p: np.ndarray, correct: np.ndarray) -> float:
    """Expected calibration error of the answers' probability. Guo et al., ICML 2017."""
    p, bins = _binned(p)
    gaps = [abs(p[bins == b].mean() - correct[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    return float(sum(gaps))


def _binned(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Confidence without NaN, and the bin of each trial."""
    p = np.nan_to_num(p, nan=1.0)
    return p, np.minimum((p * N_BINS).astype(int), N_BINS - 1)
