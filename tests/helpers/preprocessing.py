"""Noise, and the preprocessing chain in_chunks with it in chunks."""

from itertools import pairwise

import numpy as np

from realtime.preprocess.chain import Preprocess
from realtime.preprocess.config import PreprocessConfig
from realtime.preprocess.running_scale import RunningScale

RATES = [(160, 128), (256, 128), (250, 125), (250, 128), (1000, 128), (128, 128)]


CH_NAMES = tuple("ABCDE")


def noise(n_times, n_channels=5, seed=0):
    return 20 * np.random.default_rng(seed).normal(size=(n_times, n_channels)) + 1000 * np.arange(n_channels)


def chain(sfreq_in=256.0, **config):
    return Preprocess(PreprocessConfig(**config), CH_NAMES, sfreq_in)


def in_chunks(step, x, state, cuts=()):
    """Output and final state of a step in_chunks `x` cut at `cuts`."""
    parts = []
    for start, stop in pairwise([0, *sorted(min(cut, len(x)) for cut in cuts), len(x)]):
        if stop > start or isinstance(step, Preprocess | RunningScale):  # the two that may be in_chunks nothing
            y, state = step.step(x[start:stop], state)
            parts.append(y)
    return np.concatenate(parts), state


def power_db(sfreq_in, hz, seconds=20.0, **config):
    """Level of a tone behind the linear part of the chain against before, dB, at its loudest channel."""
    preprocess = chain(sfreq_in, reference="none", **config)
    t = np.arange(round(seconds * sfreq_in)) / sfreq_in
    x = np.sin(2 * np.pi * hz * t)[:, None]
    y, _ = preprocess.filter.step(x, preprocess.filter.start(x[0]))
    y, _ = preprocess.resample.step(y, preprocess.resample.start(y[0]))
    return 20 * np.log10(y[len(y) // 2 :].std() / x.std() + 1e-12)
