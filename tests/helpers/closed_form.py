"""Networks that are fitted by formula, fitted to trials made here."""

import numpy as np

from decoder.closed_form.base import ClosedForm
from decoder.training_trials import TrainingTrials


def trials(
    n_channels: int, n_labels: int, dim: int, n_times: int = 60, n_trials: int = 40, snr: float = 1.0, seed: int = 0
) -> TrainingTrials:
    """One recording of noise that remembers its past, with a smooth response of each label's own after each onset."""
    rng = np.random.default_rng(seed)
    person = np.random.default_rng(1)  # whose noise and responses are the same in every recording
    mix = np.eye(n_channels) + 0.3 * person.standard_normal((n_channels, n_channels))
    white = mix @ rng.standard_normal((n_channels, 2 * n_times * (n_trials + 2)))
    signal = white.copy()
    for t in range(1, signal.shape[1]):
        signal[:, t] += 0.8 * signal[:, t - 1]
    signal /= signal.std()
    phase = np.linspace(0, np.pi, n_times)
    response = person.standard_normal((n_labels, n_channels))[..., None] * np.sin(phase)
    onsets = 2 * n_times * np.arange(1, n_trials + 1)
    labels = rng.permutation(np.arange(n_trials) % n_labels)
    for at, label in zip(onsets, labels, strict=True):
        signal[:, at : at + n_times] += snr * response[label]
    return TrainingTrials([signal.astype(np.float32)], [onsets], [labels], np.eye(n_labels, dim), prototypes=True)


def fitted(network: ClosedForm, snr: float = 1.0) -> ClosedForm:
    """The network after its fit to such trials."""
    c = network.config
    network.fit(trials(c.n_channels, 3, c.embedding_dim, n_times=round(c.window_s * c.sfreq), snr=snr))
    return network


def one_trial(made: TrainingTrials, which: int, n_times: int) -> tuple[np.ndarray, int]:
    """Signal (C, n_times) of a trial from its onset on, and its label."""
    at = made.onsets[0][which]
    return made.signals[0][:, at : at + n_times], int(made.labels[0][which])
