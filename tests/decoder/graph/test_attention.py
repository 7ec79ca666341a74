import math
import warnings

import pytest
import torch

from decoder.graph.attention import GraphAttention
from decoder.graph.config import GraphConfig
from decoder.graph.neighbours import distance_knn, neighbourhood

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch_geometric 2.8 calls torch.jit.script when imported
    from torch_geometric.nn import GATConv, GATv2Conv

N = 9


def graph(k: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    positions = torch.randn(N, 3, generator=torch.Generator().manual_seed(3))
    positions[5] = math.nan
    return distance_knn(positions, k)


def layer(heads: int, edge: torch.Tensor | None = None, **options: object) -> GraphAttention:
    torch.manual_seed(0)
    network = GraphAttention(6, 8, *graph(), edge, heads=heads, **options)
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.3 * torch.randn_like(weight)
    return network


def edges(network: GraphAttention) -> torch.Tensor:
    """The same graph as torch_geometric takes it: from neighbour to sensor."""
    target = torch.arange(N)[:, None].expand_as(network.index)
    return torch.stack([network.index[network.valid], target[network.valid]])


def weights_of(ours: GraphAttention) -> dict[str, torch.Tensor]:
    """Those of version 2, as torch_geometric names them."""
    return {
        "att": ours.score_neighbour[None],
        "bias": ours.bias,
        "lin_l.weight": ours.neighbour.weight,
        "lin_l.bias": ours.neighbour.bias,
        "lin_r.weight": ours.own.weight,
        "lin_r.bias": ours.own.bias,
    }


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_version_2_equals_torch_geometric(heads: int) -> None:
    ours = layer(heads)
    theirs = GATv2Conv(6, 8 // heads, heads=heads, add_self_loops=False)
    theirs.load_state_dict(weights_of(ours))
    x = torch.randn(3, 2, N, 6)
    expected = torch.stack([theirs(one, edges(ours)) for one in x.flatten(0, 1)]).unflatten(0, (3, 2))
    torch.testing.assert_close(ours(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("concat", [True, False])
def test_edge_features_and_averaged_heads_equal_torch_geometric(concat: bool) -> None:
    edge = torch.randn(N, 4, 3, generator=torch.Generator().manual_seed(4))
    ours = layer(2, edge, concat=concat)
    theirs = GATv2Conv(6, 4 if concat else 8, heads=2, add_self_loops=False, edge_dim=3, concat=concat)
    theirs.load_state_dict(weights_of(ours) | {"lin_edge.weight": ours.score_edge.weight})
    x = torch.randn(3, N, 6)
    expected = torch.stack([theirs(one, edges(ours), edge[ours.valid]) for one in x])
    torch.testing.assert_close(ours(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_version_1_equals_torch_geometric(heads: int) -> None:
    ours = layer(heads, version=1)
    theirs = GATConv(6, 8 // heads, heads=heads, add_self_loops=False)
    theirs.load_state_dict(
        {
            "att_src": ours.score_neighbour[None],
            "att_dst": ours.score_own[None],
            "bias": ours.bias,
            "lin.weight": ours.neighbour.weight,
        }
    )
    x = torch.randn(4, N, 6)
    expected = torch.stack([theirs(one, edges(ours)) for one in x])
    torch.testing.assert_close(ours(x), expected, atol=1e-5, rtol=1e-5)


def test_softplus_keeps_the_gradient_that_leaky_relu_loses() -> None:
    """With every neighbour on one side of the kink, leaky ReLU gives the sensor's own projection no gradient."""
    lost = {}
    for activation in ("leaky_relu", "softplus"):
        network = layer(2, activation=activation)
        with torch.no_grad():
            network.own.bias.fill_(50.0)
            network.own.weight.mul_(0.01)
            network.score_neighbour.fill_(0.1)
        if activation == "softplus":
            with torch.no_grad():
                network.own.bias.fill_(0.0)
        network(torch.randn(4, N, 6)).square().sum().backward()
        lost[activation] = network.own.weight.grad.abs().max().item()
    assert lost["leaky_relu"] < 1e-3 < lost["softplus"]


@pytest.mark.parametrize("concat", [True, False])
@pytest.mark.parametrize("mode", ["theta_r", "theta_n", "none"])
def test_self_term_is_added_to_attention_over_the_others(mode: str, concat: bool) -> None:
    """GAT+ equals plain attention without self loops plus the self term; a sensor with no neighbour has that only."""
    network = layer(2, self_mode=mode, concat=concat)
    x = torch.randn(3, N, 6)
    own = {
        "theta_r": network.own,
        "theta_n": network.theta_n,
        "none": lambda x: torch.zeros(3, N, 8 if concat else 16),
    }[mode]
    self_term = own(x) if concat else own(x).unflatten(-1, (2, 8)).mean(-2)
    weight = network.attention(x)
    assert weight.shape == (3, N, 4, 2)
    near = network.neighbour(x)[:, network.index].unflatten(-1, (2, -1))
    others = (weight[..., None] * near).sum(-3)
    expected = (others.flatten(-2) if concat else others.mean(-2)) + self_term + network.bias
    torch.testing.assert_close(network(x), expected)
    assert not weight[:, :, 0].any()
    torch.testing.assert_close(network(x)[:, 5], (self_term + network.bias)[:, 5])  # 5 has no position
    assert weight[:, 5].sum() == 0
    torch.testing.assert_close(weight.sum(2)[:, :5], torch.ones(3, 5, 2))


def test_attention_to_neighbours_adds_up_to_one_and_skips_the_invalid() -> None:
    network = layer(2)
    weight = network.attention(torch.randn(3, N, 6))
    torch.testing.assert_close(weight.sum(2), torch.ones(3, N, 2))
    assert not weight[:, ~network.valid].any()


@pytest.mark.parametrize("mode", ["att", "theta_r", "theta_n", "none"])
def test_gradient_stays_finite_where_a_sensor_has_no_neighbour(mode: str) -> None:
    network = layer(2, self_mode=mode)
    network(torch.randn(2, N, 6)).square().sum().backward()
    assert all(weight.grad.isfinite().all() for weight in network.parameters())


def test_reset_touches_every_matrix() -> None:
    edge = torch.randn(N, 4, 3)
    network = layer(2, edge, self_mode="theta_n")
    before = {name: weight.clone() for name, weight in network.named_parameters()}
    network.reset_parameters()
    for name, weight in network.named_parameters():
        assert not torch.equal(weight, before[name]), name
        assert not name.endswith("bias") or not weight.any()


def test_samples_of_a_batch_do_not_mix_and_each_has_its_edges() -> None:
    """The second sample hears its own neighbour, and nothing of the first sample."""
    network, x = layer(2), torch.randn(3, N, 6)
    y = network(x)
    neighbour = int(network.index[4, 1])
    changed = x.clone()
    changed[1, neighbour] += 1
    z = network(changed)
    assert not torch.allclose(z[1, 4], y[1, 4])
    assert torch.equal(z[0], y[0])
    assert torch.equal(z[2], y[2])


def test_only_neighbours_matter() -> None:
    network = layer(2)
    x = torch.randn(2, N, 6, requires_grad=True)
    network(x)[0, 4].sum().backward()
    touched = x.grad.abs().amax(-1).nonzero().tolist()
    assert sorted(touched) == sorted([0, j] for j in network.index[4].tolist())


def test_knn_takes_the_nearest_and_itself_first() -> None:
    index, valid = distance_knn(torch.tensor([[0.0, 0, 0], [1, 0, 0], [1.5, 0, 0], [9, 0, 0]]), 3)
    assert index.tolist() == [[0, 1, 2], [1, 2, 0], [2, 1, 0], [3, 2, 1]]
    assert valid.all()


def test_sensor_without_position_has_only_itself() -> None:
    index, valid = graph(k=20)
    assert index.shape == (N, N)
    assert index[:, 0].tolist() == list(range(N))
    assert index[5][valid[5]].tolist() == [5]
    assert all(5 not in index[i][valid[i]] for i in range(N) if i != 5)
    assert valid.sum(1).tolist() == [8, 8, 8, 8, 8, 1, 8, 8, 8]


def test_sensors_in_one_place_still_come_first_themselves() -> None:
    index, valid = distance_knn(torch.zeros(3, 3), 2)
    assert index[:, 0].tolist() == [0, 1, 2]
    assert valid.all()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"heads": 3}, "multiple of heads 3"),
        ({"version": 3}, "version 3"),
        ({"activation": "relu"}, "'relu', needs one of leaky_relu, softplus"),
        ({"self_mode": "theta"}, "'theta', needs one of att, theta_r, theta_n, none"),
        ({"version": 1, "self_mode": "theta_r"}, "version 1 does not support self_mode 'theta_r'"),
        ({"version": 1, "edge": torch.zeros(N, 4, 2)}, "version 1 does not support edge features"),
    ],
)
def test_wrong_options_are_refused(options: dict, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        GraphAttention(6, 8, *graph(), **options)


def test_sensor_without_any_neighbour_is_refused() -> None:
    index, valid = graph()
    with pytest.raises(ValueError, match="needs at least itself"):
        GraphAttention(6, 8, index, valid & (index != 5))


KNOWN = {"n_channels": 3, "sfreq": 64.0, "hop_samples": 8, "embedding_dim": 2}


def test_a_prior_gives_the_graph_and_minus_one_pads_it() -> None:
    edge = tuple(tuple((float(i), float(k)) for k in range(2)) for i in range(3))
    config = GraphConfig(**KNOWN, neighbours=((0, 2), (1, -1), (2, 1)), edge_features=edge)
    index, valid, edges_given = neighbourhood(config)
    assert valid.tolist() == [[True, True], [True, False], [True, True]]
    assert index[valid].tolist() == [0, 2, 1, 2, 1]
    assert edges_given.tolist() == [[list(e) for e in row] for row in edge]


def test_without_a_prior_the_graph_is_by_distance() -> None:
    config = GraphConfig(**KNOWN, positions=((0.0, 0, 0), (1.0, 0, 0), (3.0, 0, 0)), k_neighbours=2)
    assert neighbourhood(config)[0].tolist() == [[0, 1], [1, 0], [2, 1]]
    assert neighbourhood(config)[2] is None


@pytest.mark.parametrize(
    ("keys", "match"),
    [
        ({"neighbours": ((0,),)}, "neighbours of 1 channels, needs 3"),
        ({"neighbours": ((0, 1), (1,), (2, 0))}, "neighbours of channel 1 are 1, needs 2; pad with -1"),
        ({"neighbours": ((0, 1), (1, 3), (2, 0))}, r"neighbours of channel 1 are \(1, 3\), needs 1 first"),
        ({"neighbours": ((0, 1), (0, 1), (2, 0))}, "needs 1 first and numbers -1 to 2"),
        ({"neighbours": ((0, 1, 1), (1, 2, -1), (2, -1, -1))}, r"channel 0 are \(0, 1, 1\), needs .*, each once"),
        ({"edge_features": (((1.0,),),)}, "edge_features without neighbours"),
        ({"neighbours": ((0,), (1,), (2,)), "edge_features": (((1.0,),),)}, r"needs finite numbers of shape \(3, 1,"),
    ],
)
def test_wrong_graphs_are_refused(keys: dict, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        neighbourhood(GraphConfig(**KNOWN, **keys))
