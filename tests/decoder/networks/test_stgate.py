import pytest
import torch

from decoder.networks import build_network
from decoder.networks.stgate import Stgate
from tests.helpers.encoders import n_weights

POSITIONS = tuple((0.01 * i * i, 0.1 * i, 0.0) for i in range(14))
KNOWN = {"n_channels": 14, "sfreq": 64.0, "hop_samples": 8, "embedding_dim": 3, "positions": POSITIONS}


def network(**options: object) -> Stgate:
    torch.manual_seed(0)
    return build_network("stgate", **KNOWN, **options).eval()


@pytest.mark.parametrize("off", [{"tlb": False}, {"spatial": False}, {"temporal": "none"}])
@pytest.mark.parametrize("temporal", ["electrodes", "moments"])
def test_every_block_may_be_switched_off_and_the_rest_trains(off: dict, temporal: str) -> None:
    x = torch.randn(2, 14, 128)
    less = network(**{"temporal": temporal} | off, dropout=0.0)
    y, _ = less(x, None, torch.rand(2, 16))
    assert n_weights(less) < n_weights(network(temporal=temporal))
    y.square().sum().backward()
    assert [key for key, weight in less.named_parameters() if weight.grad is None] == []


def heard_by_electrode_5(temporal: str) -> torch.Tensor:
    """How much its features at the last of 24 hops depend on each sample, without convolutions and graph, [14, 192]."""
    module = network(tlb=False, spatial=False, temporal=temporal, entropy_window_s=0.25, graph_window_s=0.5)
    x = torch.randn(1, 14, 192, requires_grad=True)
    node, _ = module.features(x, module.init_state(1), 0)
    node[0, -1].unflatten(-1, (14, -1))[5].square().sum().backward()
    return x.grad[0].abs()


@pytest.mark.parametrize("temporal", ["moments", "none"])
def test_without_matrix_and_graph_electrodes_do_not_mix(temporal: str) -> None:
    assert heard_by_electrode_5(temporal).amax(-1).nonzero().flatten().tolist() == [5]


def test_the_matrix_called_temporal_mixes_electrodes_as_the_paper_prints_it() -> None:
    assert (heard_by_electrode_5("electrodes").amax(-1) > 0).all()


def test_the_matrix_between_hops_mixes_an_electrode_with_its_own_past() -> None:
    """Half a second of moments are four hops of 8 samples: three more than the newest."""
    alone, with_past = heard_by_electrode_5("none")[5], heard_by_electrode_5("moments")[5]
    # Band filters ring on for ever, so the past fades and does not end: compare where it is loudest.
    assert with_past[-40:-32].sum() > 2 * alone[-40:-32].sum()


def test_an_unknown_temporal_matrix_is_refused() -> None:
    with pytest.raises(ValueError, match="temporal 'time', needs one of electrodes, moments, none"):
        network(temporal="time")


def test_adjacency_keeps_ten_edges_into_each_electrode_and_differs_between_samples() -> None:
    module = network()
    with torch.no_grad():
        for weight in module.spatial.parameters():
            weight += 0.3 * torch.randn_like(weight)
    graph = module.adjacency(torch.randn(3, 14, 128))
    assert graph.shape == (3, 14, 14)
    assert (graph != 0).sum(-1).unique().tolist() == [10]
    assert not torch.equal(graph[0] != 0, graph[1] != 0)


def test_features_depend_on_the_largest_edges_only() -> None:
    """The same weights with fewer edges answer otherwise."""
    x = torch.randn(1, 14, 128)
    assert not torch.allclose(network(n_keep=3)(x)[0], network(n_keep=5)(x)[0])


def test_the_graph_begins_at_the_prior() -> None:
    prior = tuple((i, (i + 5) % 14, (i + 2) % 14) for i in range(14))
    module = network(neighbours=prior, n_keep=3)
    with torch.no_grad():
        module.spatial.w2.mul_(0.01)
    graph = module.adjacency(torch.randn(1, 14, 128))[0]
    assert [sorted(row.nonzero().flatten().tolist()) for row in graph] == [sorted(row) for row in prior]


def test_the_graph_learns() -> None:
    module = network().train()
    module(torch.randn(4, 14, 128))[0].square().sum().backward()
    assert all(weight.grad.abs().max() > 0 for weight in module.spatial.parameters())


def test_statistics_of_the_matrix_are_the_batch_s_in_training_and_running_afterwards() -> None:
    module, x = network().train(), torch.randn(4, 14, 128)
    before = module.spatial.norm.running_var.clone()
    module(x)
    assert not torch.equal(module.spatial.norm.running_var, before)
    module.eval()
    alone, together = module.adjacency(x[:1]), module.adjacency(x)
    torch.testing.assert_close(alone, together[:1])


def test_adjacency_without_the_learned_graph_is_refused() -> None:
    with pytest.raises(ValueError, match="without the learned graph"):
        network(spatial=False).adjacency(torch.zeros(1, 14, 8))
