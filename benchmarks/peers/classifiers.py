"""Classifiers that Glimpse is compared with: networks of braindecode and pipelines of pyRiemann, on whole windows.

They may use the whole window at once, in both directions. Every network gets the same budget: AdamW at 1e-3 with decay
0.01, a cosine down to zero, 16 windows a batch, `EPOCHS` epochs, more than Glimpse's recipes have. Where a window is
too short for a network's kernels, braindecode shrinks them by itself.
"""

import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.signal import butter, sosfiltfilt

from realtime.errors import BadInput

Predict = Callable[[np.ndarray], np.ndarray]  # windows (n, C, T) -> a score for each label (n, n_labels)

NETWORKS = ("EEGNet", "ShallowFBCSPNet", "Deep4Net", "EEGConformer", "ATCNet", "TCN")
CLASSES = {"TCN": "BDTCN"}  # braindecode's TCN for windows: the mean over time of its bare TCN's outputs
PIPELINES = ("xdawn4+ts+lr", "xdawn2+ts+lr", "cov+ts+lr", "csp+lda")
PEERS = NETWORKS + PIPELINES
EPOCHS, BATCH, LR, WEIGHT_DECAY = 50, 16, 1e-3, 0.01
RHYTHMS_HZ = (8.0, 30.0)  # passband of the signal whose power CSP uses
BATCH_SIZE = 128  # windows in evaluation: bounds memory


def check_classifiers_installed() -> None:
    """BadInput where the libraries of the peers are not installed."""
    missing = [name for name in ("braindecode", "pyriemann", "sklearn") if importlib.util.find_spec(name) is None]
    if missing:
        raise BadInput(
            f"--methods: peers need {', '.join(missing)}, which is not installed; pip install 'glimpse-bci[peers]' "
            "or name our networks only"
        )


def peer_input(name: str, signal: np.ndarray, sfreq: float) -> np.ndarray:
    """A recording (C, T) as the peer takes it: for CSP band-passed in both directions before windows are cut."""
    if name != "csp+lda":
        return signal
    filtered: np.ndarray = sosfiltfilt(butter(4, RHYTHMS_HZ, "bandpass", fs=sfreq, output="sos"), signal)
    return filtered.astype(np.float32)


def fit_classifier(
    name: str, windows: np.ndarray, labels: np.ndarray, n_labels: int, sfreq: float, seed: int, epochs: int
) -> Predict:
    """Fit a peer model to windows (n, C, T). Warnings of braindecode and pyRiemann are suppressed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name in NETWORKS:
            return _fit_network(name, windows, labels, n_labels, sfreq, seed, epochs)
        return _fit_pipeline(name, windows, labels, n_labels)


def _fit_network(
    name: str, windows: np.ndarray, labels: np.ndarray, n_labels: int, sfreq: float, seed: int, epochs: int
) -> Predict:
    import braindecode.models
    import torch

    from training.fit.device import choose_device

    torch.manual_seed(seed)
    device, _ = choose_device()
    _, n_channels, n_times = windows.shape
    network = getattr(braindecode.models, CLASSES.get(name, name))(
        n_chans=n_channels, n_outputs=n_labels, n_times=n_times, sfreq=sfreq
    ).to(device)
    x, y = torch.from_numpy(windows).to(device), torch.from_numpy(labels).to(device)
    n_batches = max(1, len(x) // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * n_batches)
    network.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(x), device=device).tensor_split(n_batches):
            loss = torch.nn.functional.cross_entropy(network(x[batch]), y[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    network.eval().cpu()

    def predict(windows: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            batches = torch.split(torch.from_numpy(windows), BATCH_SIZE)
            return np.concatenate([network(batch).numpy() for batch in batches])

    return predict


def _fit_pipeline(name: str, windows: np.ndarray, labels: np.ndarray, n_labels: int) -> Predict:
    from pyriemann.estimation import Covariances, XdawnCovariances
    from pyriemann.spatialfilters import CSP
    from pyriemann.tangentspace import TangentSpace
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    steps: dict[str, Callable[[], tuple[Any, ...]]] = {
        "xdawn4+ts+lr": lambda: (
            XdawnCovariances(4, estimator="oas"),
            TangentSpace(),
            LogisticRegression(max_iter=1000),
        ),
        "xdawn2+ts+lr": lambda: (
            XdawnCovariances(2, estimator="oas"),
            TangentSpace(),
            LogisticRegression(max_iter=1000),
        ),
        "cov+ts+lr": lambda: (Covariances("oas"), TangentSpace(), LogisticRegression(max_iter=1000)),
        "csp+lda": lambda: (Covariances("oas"), CSP(8), LinearDiscriminantAnalysis()),
    }
    model = make_pipeline(*steps[name]()).fit(windows.astype(float), labels)

    def predict(windows: np.ndarray) -> np.ndarray:
        scores = np.full((len(windows), n_labels), -np.inf)  # labels without a training trial are never predicted
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scores[:, model.classes_] = model.predict_log_proba(windows.astype(float))
        return scores

    return predict
