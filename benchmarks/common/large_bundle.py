"""A bundle with a random encoder of 12 million parameters, to measure the live cost of networks of that size."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common.random_bundle import write_random_bundle
from benchmarks.common.worker_process import START_S, WorkerProcess
from realtime.bundle.bundle import Bundle

SIZE = {"embedding_dim": 1024, "dim": 384, "n_layers": 6}


@contextmanager
def large_bundle(path: Path) -> Iterator[Path]:
    """A bundle for the streams of the bundle at `path`; it exists while the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large"
        # In another process: torch must not be in the one that measures.
        with WorkerProcess(_write_large_bundle, path, large) as exporting:
            exporting.result(START_S)
        yield large


def _write_large_bundle(path: Path, large: Path, say: Callable[[Any], None], stop: threading.Event) -> None:
    bundle = Bundle.load(path)
    manifest = bundle.manifest
    positions = np.array(manifest.positions_m, float)
    config = {
        "n_channels": len(manifest.ch_names),
        "sfreq": bundle.preprocess.sfreq,
        "hop_samples": manifest.hop_samples,
        "positions": [row.tolist() if np.isfinite(row).all() else None for row in positions],
        **SIZE,
    }
    write_random_bundle(large, config, manifest.sfreq, tuple(manifest.ch_names), positions, bundle.preprocess)
