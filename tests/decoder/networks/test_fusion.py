"""Either modality alone decodes, both together decode, and what is absent never counts."""

import dataclasses

import pytest
import torch
from torch import Tensor

from decoder.layers.fusion import RULES
from decoder.networks import build_network
from decoder.networks.fusion import FusionConfig, FusionNetwork
from decoder.streaming import prefixed

OPTIONS = {"dim": 8, "stem_features": 4, "n_layers": 1, "n_heads": 2, "attention_window": 6, "power_bands": 2}
CONFIG = FusionConfig(
    n_channels=5,
    n_first=2,
    sfreq=64.0,
    hop_samples=8,
    embedding_dim=6,
    first_options=OPTIONS,
    second_options=OPTIONS,
    width=8,
    n_heads=2,
    window=4,
)
FIRST, SECOND = slice(0, 2), slice(2, 5)


def network(rule: str, **changes: object) -> FusionNetwork:
    torch.manual_seed(0)
    config = dataclasses.asdict(dataclasses.replace(CONFIG, rule=rule, **changes))
    return build_network("fusion", **config).eval()


def without(x: Tensor, rows: slice) -> Tensor:
    x = x.clone()
    x[:, rows] = 0
    return x


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("batch", [1, 3])
def test_either_modality_and_both_give_embeddings_of_the_right_shape(rule, batch):
    """And none of the three is another: no rule drops a modality that is there."""
    module, x = network(rule), torch.randn(batch, 5, 80)
    both, first, second = (module(one)[0] for one in (x, without(x, SECOND), without(x, FIRST)))
    for y in (both, first, second):
        assert y.shape == (batch, 10, 6)
        assert y.isfinite().all()
    assert not torch.allclose(both, first, atol=1e-3)
    assert not torch.allclose(both, second, atol=1e-3)
    assert not torch.allclose(first, second, atol=1e-3)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("side", "rows", "others"), [("first", FIRST, SECOND), ("second", SECOND, FIRST)])
def test_a_single_modality_equals_the_whole_with_the_other_at_zero(rule, side, rows, others):
    module, x = network(rule), torch.randn(3, 5, 80)
    alone = module.single_modality(side)
    onset = torch.arange(1, 11)[None].expand(3, -1) / 8
    torch.testing.assert_close(alone(x[:, rows], None, onset)[0], module(without(x, others), None, onset)[0])
    assert alone.config.n_channels == rows.stop - rows.start


def test_a_single_modality_is_rebuilt_from_its_config():
    alone = network("gated").single_modality("second")
    again = build_network("fusion", **dataclasses.asdict(alone.config))
    again.load_state_dict(alone.state_dict())
    x = torch.randn(1, 3, 80)
    assert torch.equal(again.eval()(x)[0], alone(x)[0])
    assert torch.equal(alone.single_modality("second")(x)[0], alone(x)[0])
    with pytest.raises(ValueError, match="no modality 'first', needs second"):
        alone.single_modality("first")


def test_a_single_modality_shares_no_weight_with_the_whole():
    module = network("gated")
    alone, x = module.single_modality("first"), torch.randn(1, 2, 80)
    before = alone(x)[0]
    with torch.no_grad():
        for weight in module.parameters():
            weight += 1
    assert torch.equal(alone(x)[0], before)


@pytest.mark.parametrize("rule", RULES)
def test_the_network_of_an_absent_modality_has_no_influence(rule):
    """With the second absent, its network's weights change nothing."""
    module, x = network(rule), without(torch.randn(2, 5, 80), SECOND)
    before = module(x)[0]
    with torch.no_grad():
        for weight in module.members["second"].parameters():
            weight += 1
    assert torch.equal(module(x)[0], before)


@pytest.mark.parametrize("rule", RULES)
def test_a_modality_may_go_and_come_back_in_mid_stream(rule):
    """Chunked as whole; and while it is away, its network's readout does not count."""
    module, x = network(rule), torch.randn(2, 5, 80)
    x[:, SECOND, 24:48] = 0
    whole, last = module(x)
    state, parts = None, []
    for chunk in x.split([8, 32, 8, 32], -1):
        y, state = module(chunk, state)
        parts.append(y)
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=1e-5)
    for key, value in last.items():
        torch.testing.assert_close(state[key], value, atol=1e-5, rtol=1e-5)
    if rule != "cross_attention":  # whose tokens of the past go on being read
        with torch.no_grad():
            for weight in module.members["second"].parameters():
                weight += 0.1
        differs = (module(x)[0] - whole).abs().amax((0, 2)) > 0
        assert differs.tolist() == [True] * 3 + [False] * 3 + [True] * 4


@pytest.mark.parametrize("rule", RULES)
def test_zeros_in_both_modalities_give_finite_outputs(rule):
    module = network(rule)
    assert module(torch.zeros(1, 5, 80))[0].isfinite().all()
    x = torch.randn(2, 5, 80)
    x[0] = 0
    module.train()(x)[0].square().mean().backward()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in module.parameters())


def test_modality_dropout_takes_one_of_two_in_training_and_none_after():
    module = network("mean_normalised", modality_dropout=1.0)
    here = torch.ones(200, 3, 2, dtype=torch.bool)
    lost = module.train().modality_dropout(here)
    assert (lost.sum(dim=2) == 1).all()
    assert (lost == lost[:, :1]).all()  # one modality for a stream's whole crop
    assert 60 < lost[:, 0, 0].sum() < 140
    assert module.eval().modality_dropout(here).all()


def test_modality_dropout_spares_the_only_modality():
    module = network("mean_normalised", modality_dropout=1.0).train()
    here = torch.ones(50, 3, 2, dtype=torch.bool)
    here[..., 1] = False
    assert torch.equal(module.modality_dropout(here), here)


def test_mean_normalised_is_the_mean_of_the_unit_vectors_that_are_present():
    module, x = network("mean_normalised"), torch.randn(2, 5, 80)
    first, second = module.single_modality("first")(x[:, FIRST])[0], module.single_modality("second")(x[:, SECOND])[0]
    torch.testing.assert_close(first.norm(dim=-1), torch.ones(2, 10))
    torch.testing.assert_close(module(x)[0], (first + second) / 2)


@pytest.mark.parametrize("rule", RULES)
def test_both_networks_and_the_fusion_get_gradients(rule):
    module, x = network(rule, modality_dropout=0.0).train(), torch.randn(4, 5, 80)
    x[0, FIRST] = x[1, SECOND] = 0
    (
        module(x)[0] * torch.randn(6)
    ).sum().backward()  # a random weighting: the plain sum of a unit vector has no gradient
    for side in ("first", "second"):
        assert all(weight.grad is not None for weight in module.members[side].parameters())
    assert all(weight.grad is not None and weight.grad.any() for weight in module.fusion.parameters())


def test_cross_attention_reads_so_many_hops_of_both():
    fusion = network("cross_attention").fusion
    x, present = torch.randn(1, 10, 2, 8, requires_grad=True), torch.ones(1, 10, 2, dtype=torch.bool)
    y, _ = fusion(x, present, prefixed("block", fusion.block.init_state(1)))
    y[0, 9].square().sum().backward()
    assert (x.grad[0].abs().amax(-1) > 0).tolist() == [[False] * 2] * 6 + [[True] * 2] * CONFIG.window


def test_each_network_whitens_its_own_channels():
    module = network("add")
    root = torch.randn(5, 5)
    covariance = root @ root.T + torch.eye(5)
    values, vectors = torch.linalg.eigh(covariance)
    module.set_whitening(vectors * values.rsqrt() @ vectors.T)
    for side, rows in (("first", FIRST), ("second", SECOND)):
        matrix = module.members[side].power.whitening
        torch.testing.assert_close(
            matrix @ covariance[rows, rows] @ matrix.T, torch.eye(len(matrix)), atol=1e-4, rtol=0
        )


def test_positions_follow_their_channels():
    places = tuple((0.01 * i, 0.0, 0.1) for i in range(5))
    module = network("add", positions=places)
    assert module.members["second"].config.positions == places[2:]
    assert module.single_modality("second").members["second"].config.positions == places[2:]


def test_networks_may_differ_and_have_options():
    module = network("concat_half", second="shallow", second_options=None, embedding_dim=7)
    assert type(module.members["second"]).__name__ == "Shallow"
    assert module(torch.randn(3, 5, 80))[0].shape == (3, 10, 7)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"n_first": 5}, "n_first 5 and n_second 0 of 5 channels, needs one channel or more of each"),
        ({"n_second": 2}, "n_first 2 and n_second 2 of 5 channels"),
        ({"only": "second", "n_second": 4}, "needs one channel or more of each and 5 of the second"),
        ({"rule": "sum"}, "rule 'sum', needs one of add, concat_half"),
        ({"only": "meg"}, "only 'meg', needs first, second or nothing"),
        (
            {"second": "flat_mlp", "second_options": None},
            "second 'flat_mlp', needs a network that streams and is trained",
        ),
        ({"first": "riemann", "first_options": None}, "first 'riemann', needs a network that streams and is trained"),
        ({"first": "resnet"}, "network 'resnet' is not known"),
        ({"second_options": {"dims": 3}}, "gat_transformer: unknown key 'dims', perhaps 'dim'"),
    ],
)
def test_a_config_with_numbers_that_do_not_fit_is_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        network(**{"rule": "add"} | changes)
