import pytest
import torch

from decoder.networks import build
from decoder.networks.stgate import MomentAttention, Stgate, largest
from tests.helpers.encoders import n_weights

POSITIONS = tuple((0.01 * i * i, 0.1 * i, 0.0) for i in range(14))
KNOWN = {"n_channels": 14, "sfreq": 64.0, "hop_samples": 8, "embedding_dim": 3, "positions": POSITIONS}


def network(**options: object) -> Stgate:
    torch.manual_seed(0)
    return build("stgate", **KNOWN, **options).eval()


@pytest.mark.parametrize("part", ["tlb", "spatial", "temporal"])
def test_every_part_may_be_switched_off_and_the_rest_trains_whole(part: str) -> None:
    x = torch.randn(2, 14, 128)
    less = network(**{part: False}, dropout=0.0)
    y, _ = less(x, None, torch.rand(2, 16))
    assert n_weights(less) < n_weights(network())
    y.square().sum().backward()
    assert [key for key, weight in less.named_parameters() if weight.grad is None] == []


def test_with_everything_switched_off_no_electrode_hears_another() -> None:
    made = network(tlb=False, spatial=False, temporal=False)
    x = torch.randn(1, 14, 128, requires_grad=True)
    node, _ = made.features(x, made.init_state(1), 0)
    node[0, -1].unflatten(-1, (14, -1))[5].square().sum().backward()
    assert x.grad[0].abs().amax(-1).nonzero().flatten().tolist() == [5]


def test_the_matrix_called_temporal_mixes_electrodes_as_the_paper_prints_it() -> None:
    made = network(tlb=False, spatial=False)
    x = torch.randn(1, 14, 128, requires_grad=True)
    node, _ = made.features(x, made.init_state(1), 0)
    node[0, -1].unflatten(-1, (14, -1))[5].square().sum().backward()
    assert (x.grad[0].abs().amax(-1) > 0).all()


def test_adjacency_keeps_ten_edges_into_each_electrode_and_differs_between_samples() -> None:
    made = network()
    with torch.no_grad():
        for weight in made.spatial.parameters():
            weight += 0.3 * torch.randn_like(weight)
    graph = made.adjacency(torch.randn(3, 14, 128))
    assert graph.shape == (3, 14, 14)
    assert (graph != 0).sum(-1).unique().tolist() == [10]
    assert not torch.equal(graph[0] != 0, graph[1] != 0)


def test_the_answer_is_made_on_the_kept_edges() -> None:
    """The same weights with fewer edges answer otherwise."""
    x = torch.randn(1, 14, 128)
    assert not torch.allclose(network(n_keep=3)(x)[0], network(n_keep=5)(x)[0])


def test_the_graph_begins_at_the_prior() -> None:
    prior = tuple((i, (i + 5) % 14, (i + 2) % 14) for i in range(14))
    made = network(neighbours=prior, n_keep=3)
    with torch.no_grad():
        made.spatial.w2.mul_(0.01)
    graph = made.adjacency(torch.randn(1, 14, 128))[0]
    assert [sorted(row.nonzero().flatten().tolist()) for row in graph] == [sorted(row) for row in prior]


def test_the_graph_learns() -> None:
    made = network().train()
    made(torch.randn(4, 14, 128))[0].square().sum().backward()
    assert all(weight.grad.abs().max() > 0 for weight in made.spatial.parameters())


def test_statistics_of_the_matrix_are_the_batch_s_in_training_and_running_afterwards() -> None:
    made, x = network().train(), torch.randn(4, 14, 128)
    before = made.spatial.norm.running_var.clone()
    made(x)
    assert not torch.equal(made.spatial.norm.running_var, before)
    made.eval()
    alone, together = made.adjacency(x[:1]), made.adjacency(x)
    torch.testing.assert_close(alone, together[:1])


def test_attention_hears_kept_edges_only() -> None:
    torch.manual_seed(0)
    layer, edge = MomentAttention(4, 3, 2), largest(torch.randn(5, 5), 2)
    for node in range(5):
        x = torch.randn(5, 4, requires_grad=True)
        layer(x, edge)[node].square().sum().backward()
        kept, heard = (set(row.nonzero().flatten().tolist()) for row in (edge[node], x.grad.abs().amax(-1)))
        assert len(kept) == 2
        assert kept <= heard <= kept | {node}  # itself through the scores


def test_a_heavier_edge_is_heard_more() -> None:
    """Edge weights multiply the shares, so that the graph is taught by what it carries."""
    torch.manual_seed(0)
    layer, x = MomentAttention(4, 3, 1), torch.randn(3, 4)
    message = layer.message(x)
    shares = []
    for weight in (1.0, 3.0):
        edge = torch.tensor([[0.0, 1.0, weight], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        y = layer(x, edge)
        torch.testing.assert_close(y[1:], message[:2])  # of one edge, whatever its score
        shares.append(torch.linalg.lstsq(message[1:].T, y[0]).solution)
    one, three = shares
    torch.testing.assert_close(one.sum(), torch.tensor(1.0))
    torch.testing.assert_close(three[1] / three[0], 3 * one[1] / one[0])


def test_largest_keeps_what_exceeds_the_first_dropped_whatever_the_sign() -> None:
    kept = largest(torch.tensor([[-3.0, -1.0, -2.0], [5.0, 4.0, 6.0]]), 2)
    assert kept.tolist() == [[0.0, 2.0, 1.0], [1.0, 0.0, 2.0]]
    assert (largest(torch.tensor([[-3.0, -1.0]]), 10) > 0).all()


def test_entries_that_change_places_do_not_make_the_answer_jump() -> None:
    torch.manual_seed(0)
    layer, x = MomentAttention(4, 3, 2), torch.randn(3, 4)
    answers = [layer(x, largest(torch.tensor([[3.0, 1 + tilt, 1 - tilt]] * 3), 2)) for tilt in (1e-6, -1e-6)]
    torch.testing.assert_close(*answers, atol=1e-5, rtol=0.0)


def test_no_adjacency_without_the_spatial_part() -> None:
    with pytest.raises(ValueError, match="without its spatial part"):
        network(spatial=False).adjacency(torch.zeros(1, 14, 8))
