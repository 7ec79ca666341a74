"""Decisions that answer as a test lists them, and random ones whose accuracy grows over the trial."""

import numpy as np

from training.evaluate.decode import DecodedHops


def decisions_of(answers: list[list[int]], since: list[list[float]], n_labels: int = 2) -> tuple[np.ndarray, ...]:
    """Probabilities, times and trials of hops that answer as listed, trial after trial."""
    flat = [label for trial in answers for label in trial]
    p = np.full((len(flat), n_labels), 0.4 / (n_labels - 1))
    p[np.arange(len(flat)), flat] = 0.6
    trial = np.repeat(np.arange(len(answers)), [len(a) for a in answers])
    return p, np.array([t for trial in since for t in trial]), trial


def growing_logits(n_labels: int, signal: float, n_trials: int = 40, n_hops: int = 10) -> DecodedHops:
    """Logits whose signal grows over a second, in two recordings."""
    rng = np.random.default_rng(0)
    label = rng.permutation(np.arange(n_trials) % n_labels)
    since, trial = np.tile(np.linspace(0.1, 1, n_hops), n_trials), np.repeat(np.arange(n_trials), n_hops)
    logits = rng.standard_normal((len(trial), n_labels))
    logits[np.arange(len(trial)), label[trial]] += signal * since
    return DecodedHops(
        np.zeros((len(trial), 2), np.float32),
        logits,
        since,
        trial,
        np.arange(len(trial)),
        trial // (n_trials // 2),
        label,
    )
