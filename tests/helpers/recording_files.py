"""Signals and files for the tests of the readers of recordings."""

import os
from pathlib import Path

import numpy as np
import pytest


def shared(name: str, source: str) -> Path:
    folder = os.environ.get("GLIMPSE_DATA")
    if not folder:
        pytest.skip(f"set GLIMPSE_DATA to a folder that holds {name}, from {source}")
    return Path(folder) / name


def wave(n_times: int, n_channels: int) -> np.ndarray:
    return np.round(50 * np.random.default_rng(3).standard_normal((n_times, n_channels)), 1).astype(np.float32)
