"""Each loss beside its definition, worked out by hand or written out in plain Python."""

import math

import pytest
import torch
from torch import Tensor

from training.losses.functions import (
    MMD_BANDWIDTHS,
    cross_entropy,
    distillation,
    info_nce,
    info_nce_one_way,
    mmd,
    mse,
    soft_targets,
)

ONE = torch.tensor(1.0)
AXES = torch.eye(2)
# Two crops, one hop: the first lies on its target, twice as long; the second on the other's.
EMBEDDING = torch.tensor([[[2.0, 0.0]], [[1.0, 0.0]]])
LABEL = torch.tensor([0, 1])


def column(*values: float) -> Tensor:
    return torch.tensor(values)[:, None]


def softplus(x: float) -> float:
    return math.log(1 + math.exp(x))


def test_info_nce_normalises_both_sides_and_takes_both_directions():
    """Similarities [[1, 0], [1, 0]]: by row softplus(-1) and softplus(1), by column log 2 each."""
    want = column((softplus(-1) + math.log(2)) / 2, (softplus(1) + math.log(2)) / 2)
    torch.testing.assert_close(info_nce(EMBEDDING, AXES, LABEL, ONE), want)


def test_info_nce_may_keep_the_embeddings_length():
    """Similarities [[2, 0], [1, 0]]."""
    want = column((softplus(-2) + softplus(-1)) / 2, (softplus(1) + math.log(2)) / 2)
    torch.testing.assert_close(info_nce(EMBEDDING, AXES, LABEL, ONE, "targets"), want)


def test_the_scale_multiplies_similarities():
    want = column((softplus(-3) + math.log(2)) / 2, (softplus(3) + math.log(2)) / 2)
    torch.testing.assert_close(info_nce(EMBEDDING, AXES, LABEL, torch.tensor(3.0)), want)


def test_info_nce_one_way_normalises_candidates_only_and_takes_one_direction():
    """Similarities [[2, 0], [1, 0]] whatever the candidates' length."""
    want = column(softplus(-2), softplus(1))
    torch.testing.assert_close(info_nce_one_way(EMBEDDING, 5 * AXES, LABEL), want)


@pytest.mark.parametrize("loss", [lambda e, t, y: info_nce(e, t, y, ONE), info_nce_one_way])
def test_repeats_of_a_label_are_no_negatives(loss):
    """With one label in the batch nothing is left to be told apart."""
    target = AXES[[0, 0]]
    torch.testing.assert_close(loss(EMBEDDING, target, torch.tensor([0, 0])), torch.zeros(2, 1))
    assert (loss(EMBEDDING, target, torch.tensor([0, 1])) > 0.1).all()


def test_mse_is_the_squared_distance():
    torch.testing.assert_close(mse(EMBEDDING, AXES), column(1.0, 2.0))


def test_cross_entropy_is_over_all_labels():
    torch.testing.assert_close(cross_entropy(EMBEDDING, AXES, LABEL, 0.0), column(softplus(-2), softplus(1)))
    half = 0.5 * softplus(-2) + 0.5 * softplus(2)  # smoothing 1 spreads the target evenly
    torch.testing.assert_close(cross_entropy(EMBEDDING, AXES, LABEL, 1.0)[0, 0], torch.tensor(half))


def test_soft_targets_share_the_truth_with_labels_alike():
    """Cosines 1 and 0.6 at temperature 0.4: the other label gets 1 / (1 + e) of the truth."""
    vectors = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    other = 1 / (1 + math.e)
    logit = [2.0, 1.2]
    log_sum = math.log(sum(map(math.exp, logit)))
    want = log_sum - (1 - other) * logit[0] - other * logit[1]
    torch.testing.assert_close(soft_targets(EMBEDDING[:1], vectors, LABEL[:1], 0.4), column(want))


def test_soft_targets_of_a_low_temperature_are_cross_entropy():
    soft, hard = soft_targets(EMBEDDING, AXES, LABEL, 1e-3), cross_entropy(EMBEDDING, AXES, LABEL, 0.0)
    torch.testing.assert_close(soft, hard)


def test_mmd_is_the_biased_estimate_by_hand():
    """Means over all pairs, each vector with itself too."""

    def mean_kernel(one: Tensor, two: Tensor) -> float:
        squared = [[float((a - b).square().sum()) for b in two] for a in one]
        pairs = [math.exp(-d / (2 * width)) for row in squared for d in row for width in MMD_BANDWIDTHS]
        return sum(pairs) / len(pairs)

    torch.manual_seed(0)
    embedding, target = torch.randn(3, 2, 4), torch.randn(3, 4)
    got = mmd(embedding, target)
    for hop in range(2):
        x = embedding[:, hop]
        want = mean_kernel(x, x) + mean_kernel(target, target) - 2 * mean_kernel(x, target)
        torch.testing.assert_close(got[:, hop], torch.full((3,), want))


def test_mmd_is_zero_for_the_same_vectors_in_any_order_and_never_less():
    torch.manual_seed(0)
    target = torch.randn(5, 4)
    torch.testing.assert_close(mmd(target[torch.randperm(5)][:, None], target), torch.zeros(5, 1), atol=1e-6, rtol=0)
    assert (mmd(torch.randn(5, 7, 4), target) > 0).all()


def test_mmd_pulls_embeddings_towards_the_targets():
    embedding = torch.full((1, 1, 2), 3.0, requires_grad=True)
    mmd(embedding, torch.zeros(1, 2)).sum().backward()
    assert (embedding.grad > 0).all()


def test_distillation_is_one_minus_the_cosine():
    torch.testing.assert_close(distillation(EMBEDDING, AXES), column(0.0, 1.0))
