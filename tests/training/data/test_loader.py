"""Batches: every crop once an epoch, and every random choice from (seed, epoch, crop)."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.toy_training import HOP, RECIPE, toy_crops
from training.data.loader import CropDataset, ShuffledCrops, make_loader


@given(n_crops=st.integers(1, 70), batch=st.integers(1, 20), seed=st.integers(0, 5))
def test_every_crop_comes_once_an_epoch_in_batches_of_nearly_equal_size(n_crops, batch, seed):
    sampler = ShuffledCrops(n_crops, batch, seed)
    sampler.epoch = 3
    batches = list(sampler)
    assert len(batches) == len(sampler)
    assert sorted(crop for part in batches for _, crop in part) == list(range(n_crops))
    sizes = [len(part) for part in batches]
    assert max(sizes) - min(sizes) <= 1
    assert {epoch for part in batches for epoch, _ in part} == {3}
    assert batches == list(sampler)


def test_the_order_changes_from_epoch_to_epoch_and_with_the_seed():
    def order(seed: int, epoch: int) -> list:
        sampler = ShuffledCrops(40, 8, seed)
        sampler.epoch = epoch
        return [crop for part in sampler for _, crop in part]

    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4


def test_a_crop_is_the_same_whenever_its_epoch_comes_and_another_in_the_next():
    crops, recipe = toy_crops(), RECIPE
    one, two = CropDataset(crops, recipe.sampling), CropDataset(crops, recipe.sampling)
    two[0, 3], two[7, 1]
    for first, second in zip(one[2, 5], two[2, 5], strict=True):
        assert np.array_equal(first, second)
    assert not np.array_equal(one[2, 5][0], one[3, 5][0])


def test_every_phase_of_the_hop_grid_comes_up():
    """Live, the first hop of a trial ends anywhere from zero to one hop after the onset."""
    dataset = CropDataset(toy_crops(), RECIPE.sampling)
    first = {round(float(onset[onset >= 0][0]) * 128) for onset in (dataset[e, 4].onset for e in range(200))}
    assert first == set(range(HOP))


def test_a_hidden_onset_is_hidden_from_the_network_only():
    crops = toy_crops()
    for dropout, hidden in ((0.0, 0), (1.0, 12)):
        dataset = CropDataset(crops, replace(RECIPE, onset_dropout=dropout).sampling)
        items = [dataset[0, i] for i in range(12)]
        assert sum((item.onset_input == -1).all() for item in items) == hidden
        assert all((item.onset >= 0).any() and item.mask.any() for item in items)


def test_segments_equal_the_live_preprocessing():
    batches, sampler = make_loader(toy_crops(), RECIPE.sampling, torch.device("cpu"))
    signal, heard, onset, counts, label, teacher = next(iter(batches))
    assert teacher.shape == (4, 0)
    assert (signal.shape, signal.dtype) == ((4, 2, 88), torch.float32)
    assert heard.shape == onset.shape == counts.shape == (4, 11)
    assert label.dtype == torch.int64
    assert len(batches) == len(sampler) == 3


def test_each_crop_carries_its_teacher_embedding():
    teacher = np.arange(24, dtype=np.float32).reshape(12, 2)
    dataset = CropDataset(toy_crops(), RECIPE.sampling, teacher)
    for crop in (0, 7):
        np.testing.assert_array_equal(dataset[0, crop].teacher, teacher[crop])


def test_repetitions_of_one_label_are_added_and_the_background_keeps_its_power():
    """One to three crops of the label, each number as often, and the same ones whenever the epoch comes again."""
    crops, none = toy_crops(60), replace(RECIPE, onset_dropout=0.0)
    plain, several = CropDataset(crops, none.sampling), CropDataset(crops, replace(none, repetitions=3).sampling)
    numbers = []
    for epoch in range(300):
        rng = np.random.default_rng((epoch,))
        chosen = several.repeats(4, rng)
        assert chosen[0] == 4
        assert len(set(chosen)) == len(chosen)
        assert {int(crops.labels[one]) for one in chosen} == {0}
        numbers.append(len(chosen))
    assert set(numbers) == {1, 2, 3}
    assert min(numbers.count(n) for n in (1, 2, 3)) > 70
    power = [np.mean([dataset[e, 4].signal[:, 24:].var() for e in range(100)]) for dataset in (plain, several)]
    assert power[1] == pytest.approx(power[0], rel=0.1)
    assert np.array_equal(several[3, 4].signal, several[3, 4].signal)
    assert any(not np.array_equal(several[e, 4].signal, plain[e, 4].signal) for e in range(5))


def test_a_label_shown_once_is_repeated_alone():
    crops = toy_crops(2)
    dataset = CropDataset(crops, replace(RECIPE, repetitions=4).sampling)
    assert all(dataset.repeats(1, np.random.default_rng(i)) == [1] for i in range(9))
