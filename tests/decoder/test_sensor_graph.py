import math
import warnings

import pytest
import torch

from decoder.sensor_graph import GraphAttention, distance_knn

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # torch_geometric 2.8 calls torch.jit.script when imported
    from torch_geometric.nn import GATConv, GATv2Conv

N = 9


def graph(k: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    positions = torch.randn(N, 3, generator=torch.Generator().manual_seed(3))
    positions[5] = math.nan
    return distance_knn(positions, k)


def layer(heads: int, **options: object) -> GraphAttention:
    torch.manual_seed(0)
    made = GraphAttention(6, 8, *graph(), heads=heads, **options)
    with torch.no_grad():
        for weight in made.parameters():
            weight += 0.3 * torch.randn_like(weight)
    return made


def edges(made: GraphAttention) -> torch.Tensor:
    """The same graph as torch_geometric takes it: from neighbour to sensor."""
    target = torch.arange(N)[:, None].expand_as(made.index)
    return torch.stack([made.index[made.valid], target[made.valid]])


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_version_2_equals_torch_geometric(heads: int) -> None:
    ours = layer(heads)
    theirs = GATv2Conv(6, 8 // heads, heads=heads, add_self_loops=False)
    theirs.load_state_dict(
        {
            "att": ours.score_neighbour[None],
            "bias": ours.bias,
            "lin_l.weight": ours.neighbour.weight,
            "lin_l.bias": ours.neighbour.bias,
            "lin_r.weight": ours.own.weight,
            "lin_r.bias": ours.own.bias,
        }
    )
    x = torch.randn(3, 2, N, 6)
    want = torch.stack([theirs(one, edges(ours)) for one in x.flatten(0, 1)]).unflatten(0, (3, 2))
    torch.testing.assert_close(ours(x), want, atol=1e-5, rtol=1e-5)


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
    want = torch.stack([theirs(one, edges(ours)) for one in x])
    torch.testing.assert_close(ours(x), want, atol=1e-5, rtol=1e-5)


def test_softplus_keeps_the_gradient_that_leaky_relu_loses() -> None:
    """With every neighbour on one side of the kink, leaky ReLU gives the sensor's own projection no gradient."""
    lost = {}
    for activation in ("leaky_relu", "softplus"):
        made = layer(2, activation=activation)
        with torch.no_grad():
            made.own.bias.fill_(50.0)
            made.own.weight.mul_(0.01)
            made.score_neighbour.fill_(0.1)
        if activation == "softplus":
            with torch.no_grad():
                made.own.bias.fill_(0.0)
        made(torch.randn(4, N, 6)).square().sum().backward()
        lost[activation] = made.own.weight.grad.abs().max().item()
    assert lost["leaky_relu"] < 1e-3 < lost["softplus"]


def test_only_neighbours_matter() -> None:
    made = layer(2)
    x = torch.randn(2, N, 6, requires_grad=True)
    made(x)[0, 4].sum().backward()
    touched = x.grad.abs().amax(-1).nonzero().tolist()
    assert sorted(touched) == sorted([0, j] for j in made.index[4].tolist())


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
    ],
)
def test_wrong_options_are_refused(options: dict, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        GraphAttention(6, 8, *graph(), **options)


def test_sensor_without_any_neighbour_is_refused() -> None:
    index, valid = graph()
    with pytest.raises(ValueError, match="needs at least itself"):
        GraphAttention(6, 8, index, valid & (index != 5))
