"""The loss, beside torch's own and beside what the definition says written out."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.errors import BadInput
from training.losses.objective import Objective, hop_weights
from training.runs.recipe import Recipe


def recipe(smoothing: float = 0.1, contrastive: float = 0.5, **changes: object) -> Recipe:
    return Recipe(label_smoothing=smoothing, contrastive=contrastive, **changes)


def unit(n: int, dim: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_on_one_hop_the_loss_is_torchs_cross_entropy_with_unit_prototypes():
    torch.manual_seed(0)
    objective = Objective(5, 8, None, recipe(0.1, 0.5))
    embedding, label = torch.randn(6, 1, 8), torch.tensor([0, 1, 2, 3, 4, 0])
    logits = embedding[:, 0] @ F.normalize(objective.prototypes, dim=-1).T
    want = F.cross_entropy(logits, label, label_smoothing=0.1)
    torch.testing.assert_close(objective(embedding, label, torch.ones(6, 1)), want)


@settings(max_examples=20, deadline=None)
@given(labels=st.lists(st.integers(0, 3), min_size=1, max_size=7), seed=st.integers(0, 99))
def test_info_nce_equals_the_double_loop_and_repeated_labels_are_no_negatives(labels, seed):
    objective = Objective(4, 6, unit(4, 6), recipe(0.0, 1.0))
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
        got = objective.per_hop("info_nce", embedding, objective.vectors(), torch.tensor(labels))[:, hop]
        np.testing.assert_allclose(got.detach().numpy(), want, atol=1e-4)


def test_given_vectors_never_change_and_prototypes_do():
    label, embedding = torch.tensor([0, 1]), torch.randn(2, 3, 6, requires_grad=True)
    given_vectors = Objective(2, 6, unit(2, 6), recipe(0.1, 0.5))
    given_vectors(embedding, label, torch.ones(2, 3)).backward()
    assert [name for name, _ in given_vectors.named_parameters()] == ["log_scale"]
    assert not given_vectors.prototypes.requires_grad
    assert embedding.grad.abs().sum() > 0
    assert given_vectors.log_scale.grad.abs() > 0
    trained = Objective(2, 6, None, recipe(0.1, 0.5))
    trained(embedding, label, torch.ones(2, 3)).backward()
    assert trained.prototypes.grad.abs().sum() > 0


@pytest.mark.parametrize("vectors", [None, unit(3, 6)])
def test_a_hop_of_weight_zero_changes_neither_loss_nor_gradient(vectors):
    torch.manual_seed(0)
    objective = Objective(3, 6, vectors, recipe(0.1, 0.5))
    embedding, label = torch.randn(4, 2, 6, requires_grad=True), torch.tensor([0, 1, 2, 0])
    weight = torch.tensor([[1.0, 0.0]]).repeat(4, 1)
    loss = objective(embedding, label, weight)
    loss.backward()
    torch.testing.assert_close(loss, objective(embedding[:, :1], label, weight[:, :1]))
    assert not embedding.grad[:, 1].any()
    torch.testing.assert_close(objective(embedding, label, 7 * weight), loss)


def test_a_batch_with_an_empty_mask_has_loss_zero():
    assert Objective(3, 6, None, recipe())(torch.randn(2, 2, 6), torch.tensor([0, 1]), torch.zeros(2, 2)) == 0


def test_later_hops_have_larger_weights_and_hops_outside_none():
    onset = torch.tensor([[-1.0, 0.0, 0.4, 0.8, 0.2]])
    weight = hop_weights(onset, torch.tensor([[0.0, 1.0, 1.0, 1.0, 0.0]]), 0.8)
    torch.testing.assert_close(weight, torch.tensor([[0.0, 0.1, 0.6, 1.1, 0.0]]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_embeddings_give_a_finite_float32_loss(dtype):
    """Inner products of 60,000 and more would be infinite in float16."""
    objective = Objective(3, 64, unit(3, 64), recipe(0.1, 0.5))
    embedding = (1e4 * torch.randn(4, 5, 64)).to(dtype)
    loss = objective(embedding, torch.tensor([0, 1, 2, 0]), torch.ones(4, 5))
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)


def test_default_losses_equal_the_same_losses_by_name_to_the_last_bit():
    embedding, label, weight = torch.randn(5, 3, 6), torch.tensor([0, 1, 2, 0, 1]), torch.rand(5, 3)
    before = Objective(3, 6, unit(3, 6), recipe(contrastive=0.5))
    named = Objective(3, 6, unit(3, 6), recipe(losses={"cross_entropy": 0.5, "info_nce": 0.5}))
    assert torch.equal(before(embedding, label, weight), named(embedding, label, weight))
    torch.manual_seed(1)
    before = Objective(3, 6, None, recipe(contrastive=0.5))
    torch.manual_seed(1)
    named = Objective(3, 6, None, recipe(losses={"cross_entropy": 1.0}))
    assert torch.equal(before(embedding, label, weight), named(embedding, label, weight))


def test_losses_add_up_by_their_weights():
    embedding, label, weight = torch.randn(4, 2, 6), torch.tensor([0, 1, 2, 0]), torch.ones(4, 2)
    names = ("cross_entropy", "info_nce", "info_nce_one_way", "soft_targets", "mse", "mmd")
    alone = [Objective(3, 6, unit(3, 6), recipe(losses={name: 1.0}))(embedding, label, weight) for name in names]
    mix = Objective(3, 6, unit(3, 6), recipe(losses={name: i + 1.0 for i, name in enumerate(names)}))
    want = sum((i + 1) * loss for i, loss in enumerate(alone))
    torch.testing.assert_close(mix(embedding, label, weight), want)
    assert len({round(float(loss.detach()), 5) for loss in alone}) == len(names)


@pytest.mark.parametrize(
    ("changes", "vectors", "sentence"),
    [
        ({"losses": {"clip": 1.0}}, unit(3, 6), "losses has 'clip', but needs one of cross_entropy, "),
        ({"losses": {"mse": -1.0}}, unit(3, 6), "'mse': -1.0, but needs a weight above 0"),
        ({"losses": {"mse": 0.25, "cross_entropy": 1.0}}, None, "'mse', which needs vectors that are given"),
        ({"normalise": "images"}, unit(3, 6), "normalise is 'images', but needs to be both or targets"),
    ],
)
def test_losses_that_do_not_fit_are_refused(changes, vectors, sentence):
    with pytest.raises(BadInput, match=sentence):
        Objective(3, 6, vectors, recipe(**changes))


def test_the_teacher_has_more_weight_at_the_end_of_the_window():
    """A hop at the onset does not pull; the distance counts in proportion to time."""
    objective = Objective(2, 2, unit(2, 2), recipe())
    embedding = torch.tensor([[[1.0, 0.0], [0.0, 3.0], [2.0, 0.0]]])
    teacher, onset = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, 0.25, 0.75]])
    loss = objective.distill(embedding, teacher, onset, torch.ones(1, 3))
    torch.testing.assert_close(loss, torch.tensor(0.75))  # distances 1, 0, 1 by weights 0, 1/4, 3/4


def test_prototypes_are_copied_from_the_teacher_and_given_vectors_stay():
    teacher = Objective(2, 6, None, recipe())
    trained, given_vectors = Objective(2, 6, None, recipe()), Objective(2, 6, unit(2, 6), recipe())
    trained.copy_prototypes(teacher.export_state())
    assert torch.equal(trained.prototypes, teacher.prototypes)
    given_vectors.copy_prototypes(Objective(2, 6, unit(2, 6), recipe()).export_state())
    np.testing.assert_array_equal(given_vectors.prototypes, unit(2, 6))


@pytest.mark.parametrize(
    ("student", "teacher"),
    [
        (((2, 6, unit(2, 6)), ()), ((2, 6, unit(2, 6, seed=1)), ())),
        (((2, 6, None), ()), ((2, 4, None), ())),
        (((2, 5, unit(2, 6)), (2, 4)), ((2, 5, None), ())),
    ],
)
def test_a_teacher_in_another_space_is_refused(student, teacher):
    one, two = (Objective(*shape, recipe(), layers) for shape, layers in (student, teacher))
    with pytest.raises(BadInput, match="its label vectors are not of this run's targets"):
        one.copy_prototypes(two.export_state())


def test_a_mix_of_target_layers_is_learned_and_saved_as_the_label_vectors():
    table = np.concatenate([unit(3, 4), unit(3, 7, seed=1)], axis=1)
    objective = Objective(3, 5, table, recipe(), layers=(4, 7))
    assert objective.vectors().shape == (3, 5)
    objective(torch.randn(4, 2, 5), torch.tensor([0, 1, 2, 0]), torch.ones(4, 2)).backward()
    learned = {name: p.grad for name, p in objective.named_parameters()}
    assert learned.keys() == {"log_scale", "layers.mix", "layers.projections.0.weight", "layers.projections.1.weight"}
    assert all(gradient.abs().sum() > 0 for gradient in learned.values())
    saved = objective.export_state()
    assert torch.equal(saved["prototypes"], objective.vectors())
    again = Objective(3, 5, table, recipe(), layers=(4, 7))
    again.load_state_dict(saved)
    assert torch.equal(again.vectors(), objective.vectors())


def test_a_learned_mix_needs_a_loss_that_tells_labels_apart():
    with pytest.raises(BadInput, match="losses has mse alone, .* add one of cross_entropy"):
        Objective(3, 5, unit(3, 11), recipe(losses={"mse": 1.0}), layers=(4, 7))


def test_candidates_shown_leaves_out_labels_without_trials():
    """The loss is that over a table without them, and no embedding is pushed away from them."""
    embedding, weight = torch.randn(4, 2, 6, requires_grad=True), torch.ones(4, 2)
    losses = {"cross_entropy": 1.0, "soft_targets": 1.0, "info_nce": 1.0}
    few = Objective(5, 6, unit(5, 6), recipe(losses=losses), candidates=np.array([3, 1, 3]))
    alone = Objective(2, 6, unit(5, 6)[[1, 3]], recipe(losses=losses))
    every = Objective(5, 6, unit(5, 6), recipe(losses=losses))
    label = torch.tensor([3, 1, 3, 1])
    want = alone(embedding, torch.tensor([1, 0, 1, 0]), weight)
    torch.testing.assert_close(few(embedding, label, weight), want)
    assert not torch.isclose(every(embedding, label, weight), want)
    assert few.vectors().shape == (5, 6)  # the bank has them all the same
    assert few.export_state().keys() == every.export_state().keys()
