"""Cost of a decision against the length of the context: Glimpse keeps its past as state, a peer reads a whole window.

Glimpse is the bundle's network with an attention window of that length and random weights, as an ONNX file, for one
hop. The peers are braindecode's networks over a window of that length, with a width that gives them as many parameters
at 1 s. Each has one thread; figures are milliseconds of that thread's processor time.
"""

import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common.random_bundle import export_random_network, parameters
from benchmarks.peers.network_widths import WIDE, count_parameters, peer_network, width_for
from realtime.bundle.bundle import ENCODER, Bundle
from realtime.decoding.runner import OnnxEncoder

N_STEPS = 300  # for the median, after a tenth as many to warm up
N_FORWARDS = 30


def context(
    bundle_path: Path, lengths_s: tuple[float, ...], say: Callable[[Any], None], stop: threading.Event
) -> list[dict[str, Any]]:
    """A row for each length of context in seconds; for a WorkerProcess, since torch is limited to one thread."""
    import torch

    torch.set_num_threads(1)
    bundle = Bundle.load(bundle_path)
    manifest = bundle.manifest
    hop_s = manifest.hop_samples / bundle.preprocess.sfreq
    shape = (len(manifest.ch_names), len(bundle.bank.names))
    n_parameters, at_1s = parameters(manifest), round(manifest.sfreq)
    widths = {name: width_for(name, n_parameters, *shape, at_1s, manifest.sfreq) for name in WIDE}
    rows = []
    for length_s in lengths_s:
        row: dict[str, Any] = {
            "context_s": length_s,
            "glimpse_ms": _own_ms(manifest.network["config"], hop_s, length_s),
        }
        for name, width in widths.items():
            n_times = round(length_s * manifest.sfreq)
            network = peer_network(name, *shape, n_times, manifest.sfreq, width)
            window = torch.randn(1, shape[0], n_times)
            with torch.inference_mode():
                row[f"{name}_ms"] = median_ms(partial(network, window), N_FORWARDS)
            row[f"{name}_parameters"] = count_parameters(network)
        rows.append(row)
        say(row)
    return rows


def _own_ms(config: dict[str, Any], hop_s: float, length_s: float) -> float:
    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder) / "network"
        export_random_network(network, config | {"attention_window": round(length_s / hop_s)})
        runner = OnnxEncoder(network / ENCODER)
    state = runner.start()
    signal = np.random.default_rng(0).standard_normal((1, runner.n_channels, runner.hop_samples)).astype(np.float32)

    def step() -> None:
        nonlocal state
        _, state = runner.step(signal, np.full(1, -1.0), state)

    return median_ms(step, N_STEPS)


def median_ms(work: Callable[[], Any], n: int) -> float:
    """Median milliseconds of this thread's processor time over `n` calls of `work`."""
    times_s = []
    for _ in range(n + n // 10):
        began = time.thread_time()
        work()
        times_s.append(time.thread_time() - began)
    return round(float(np.median(times_s[n // 10 :])) * 1e3, 3)
