"""Which concepts are of training, of validation and of the test; the three are disjoint."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TaskSizes:
    """Numbers of concepts and trials; the defaults are those of the bench."""

    n_test: int = 200  # concepts, also the gallery
    n_valid: int = 50  # concepts held out of training, for every choice of settings
    # Trials of each concept. 70 of 953 training concepts make 66,710 trials, as many as one person of THINGS-EEG2 saw.
    # With 8 an observer that knows all but the map from vectors to responses gets 0.63 of the ceiling's top-5, with 70
    # 0.9.
    train_each: int = 70
    valid_each: int = 20
    test_each: int = 80


@dataclass(frozen=True)
class Concepts:
    """Rows of the vectors in each split, ascending; no row is in two splits."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


def split_concepts(n_concepts: int, sizes: TaskSizes, seed: int) -> Concepts:
    """Concepts assigned to the splits at random."""
    order = np.random.default_rng(seed).permutation(n_concepts)
    test, valid, train = np.split(order, [sizes.n_test, sizes.n_test + sizes.n_valid])
    return Concepts(np.sort(train), np.sort(valid), np.sort(test))
