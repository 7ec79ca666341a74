"""The loss, beside torch's own and beside what the definition says written out."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from training.objective import Objective, hop_weights


def unit(n: int, dim: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_on_one_hop_it_is_torchs_cross_entropy_on_inner_products_with_unit_prototypes():
    torch.manual_seed(0)
    objective = Objective(5, 8, None, smoothing=0.1, contrastive=0.5)
    embedding, label = torch.randn(6, 1, 8), torch.tensor([0, 1, 2, 3, 4, 0])
    logits = embedding[:, 0] @ F.normalize(objective.prototypes, dim=-1).T
    want = F.cross_entropy(logits, label, label_smoothing=0.1)
    torch.testing.assert_close(objective(embedding, label, torch.ones(6, 1)), want)


@settings(max_examples=20, deadline=None)
@given(labels=st.lists(st.integers(0, 3), min_size=1, max_size=7), seed=st.integers(0, 99))
def test_info_nce_is_the_double_loop_over_pairs_and_repeats_of_a_label_are_not_negatives(labels, seed):
    objective = Objective(4, 6, unit(4, 6), smoothing=0.0, contrastive=1.0)
    embedding = torch.from_numpy(np.random.default_rng(seed).standard_normal((len(labels), 2, 6))).float()
    scale, vectors = objective.log_scale.exp().item(), unit(4, 6)
    for hop in range(2):
        rows = F.normalize(embedding[:, hop], dim=-1).numpy()
        similarity = [[scale * float(row @ vectors[label]) for label in labels] for row in rows]
        want = []
        for i, own in enumerate(labels):
            others = [j for j, label in enumerate(labels) if j == i or label != own]
            by_label = np.log(sum(np.exp(similarity[i][j]) for j in others)) - similarity[i][i]
            by_row = np.log(sum(np.exp(similarity[j][i]) for j in others)) - similarity[i][i]
            want.append((by_label + by_row) / 2)
        got = objective.info_nce(embedding, objective.vectors(), torch.tensor(labels))[:, hop]
        np.testing.assert_allclose(got.detach().numpy(), want, atol=1e-4)


def test_given_vectors_never_change_and_prototypes_do():
    label, embedding = torch.tensor([0, 1]), torch.randn(2, 3, 6, requires_grad=True)
    given_vectors = Objective(2, 6, unit(2, 6), smoothing=0.1, contrastive=0.5)
    given_vectors(embedding, label, torch.ones(2, 3)).backward()
    assert [name for name, _ in given_vectors.named_parameters()] == ["log_scale"]
    assert not given_vectors.prototypes.requires_grad
    assert embedding.grad.abs().sum() > 0
    assert given_vectors.log_scale.grad.abs() > 0
    trained = Objective(2, 6, None, smoothing=0.1, contrastive=0.5)
    trained(embedding, label, torch.ones(2, 3)).backward()
    assert trained.prototypes.grad.abs().sum() > 0


@pytest.mark.parametrize("vectors", [None, unit(3, 6)])
def test_a_hop_of_weight_zero_changes_neither_loss_nor_gradient(vectors):
    torch.manual_seed(0)
    objective = Objective(3, 6, vectors, smoothing=0.1, contrastive=0.5)
    embedding, label = torch.randn(4, 2, 6, requires_grad=True), torch.tensor([0, 1, 2, 0])
    weight = torch.tensor([[1.0, 0.0]]).repeat(4, 1)
    loss = objective(embedding, label, weight)
    loss.backward()
    torch.testing.assert_close(loss, objective(embedding[:, :1], label, weight[:, :1]))
    assert not embedding.grad[:, 1].any()
    torch.testing.assert_close(objective(embedding, label, 7 * weight), loss)


def test_a_batch_in_which_no_hop_counts_has_loss_zero():
    assert Objective(3, 6, None, 0.1, 0.5)(torch.randn(2, 2, 6), torch.tensor([0, 1]), torch.zeros(2, 2)) == 0


def test_later_hops_of_a_trial_weigh_more_and_hops_outside_it_nothing():
    onset = torch.tensor([[-1.0, 0.0, 0.4, 0.8, 0.2]])
    weight = hop_weights(onset, torch.tensor([[0.0, 1.0, 1.0, 1.0, 0.0]]), 0.8)
    torch.testing.assert_close(weight, torch.tensor([[0.0, 0.1, 0.6, 1.1, 0.0]]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_embeddings_give_a_finite_float32_loss(dtype):
    """Inner products of 60,000 and more would be infinite in float16."""
    objective = Objective(3, 64, unit(3, 64), smoothing=0.1, contrastive=0.5)
    embedding = (1e4 * torch.randn(4, 5, 64)).to(dtype)
    loss = objective(embedding, torch.tensor([0, 1, 2, 0]), torch.ones(4, 5))
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
