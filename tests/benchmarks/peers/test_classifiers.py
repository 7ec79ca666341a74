"""The peers really learn what can be learned, from windows alone."""

import importlib.util

import numpy as np
import pytest

from benchmarks.peers import classifiers as peers
from realtime.errors import BadInput

SFREQ = 128.0
needs_peers = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("braindecode", "pyriemann", "sklearn")),
    reason="the peers are not installed; pip install 'glimpse-bci[peers]'",
)


def windows(seed: int, n_labels: int = 2, n: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """Noise; trials of label k hold an evoked wave of k + 1 bumps and, at electrode k, a loud rhythm of 12 Hz."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % n_labels
    time = np.arange(128) / SFREQ
    x = rng.standard_normal((n, 4, 128))
    for k in range(n_labels):
        x[labels == k] += np.sin(np.pi * (k + 1) * time)
        phase = rng.uniform(0, 2 * np.pi, (int((labels == k).sum()), 1))
        x[labels == k, k] += 2 * np.sin(2 * np.pi * 12 * time + phase)
    return x.astype(np.float32), labels


@needs_peers
@pytest.mark.parametrize("name", ["EEGNet", "xdawn2+ts+lr", "cov+ts+lr", "csp+lda"])
@pytest.mark.parametrize("n_labels", [2, 3])
def test_a_peer_classifies_new_trials(name, n_labels):
    predict = peers.fit_classifier(name, *windows(0, n_labels), n_labels, SFREQ, seed=0, epochs=20)
    given, truth = windows(1, n_labels)
    scores = predict(given)
    assert scores.shape == (len(given), n_labels)
    assert (scores.argmax(axis=1) == truth).mean() > 0.85


@needs_peers
def test_the_seed_decides_a_network_s_weights():
    (x, y), (given, _) = windows(0, n=16), windows(1)
    one, same, other = (peers.fit_classifier("EEGNet", x, y, 2, SFREQ, seed, epochs=1)(given) for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.allclose(one, other)


def test_only_csp_gets_a_band_passed_signal():
    """8 to 30 Hz, filtered both ways, so that nothing is delayed."""
    time = np.arange(1280) / SFREQ
    slow, rhythm = np.sin(2 * np.pi * 2 * time), np.sin(2 * np.pi * 15 * time)
    signal = np.stack([slow + rhythm]).astype(np.float32)
    middle = slice(256, -256)
    assert np.allclose(peers.peer_input("csp+lda", signal, SFREQ)[0, middle], rhythm[middle], atol=0.05)
    assert peers.peer_input("cov+ts+lr", signal, SFREQ) is signal


def test_missing_peers_are_reported_with_the_command_that_installs_them(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyriemann" else name)
    with pytest.raises(BadInput, match=r"need pyriemann, .* pip install 'glimpse-bci\[peers\]'"):
        peers.check_classifiers_installed()
