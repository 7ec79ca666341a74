import torch

from decoder.graph.dynamic_graph import DynamicGraphAttention, TemporalAttention, top_k_excess
from decoder.graph.node_layers import NodeWise


def matrix(n_features: int, window: int) -> TemporalAttention:
    """One whose weights have moved."""
    torch.manual_seed(0)
    network = TemporalAttention(n_features, window)
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.5 * torch.randn_like(weight)
    return network


def test_temporal_attention_is_the_newest_row_of_the_full_matrix() -> None:
    network, x = matrix(4, 5), torch.randn(1, 9, 4)
    window = x[0, 3:8]
    between = torch.tanh(window @ network.u @ window.T / 2 + network.b) @ network.v
    torch.testing.assert_close(network(x)[0][0, 7], (between.softmax(dim=-1) @ window)[-1])


def test_an_electrode_depends_on_its_own_window_of_hops_only() -> None:
    network, x = NodeWise(matrix(4, 5), 3), torch.randn(1, 12, 3 * 4, requires_grad=True)
    network(x)[0][0, 9].unflatten(-1, (3, 4))[1].square().sum().backward()
    heard_HN = x.grad[0].unflatten(-1, (3, 4)).abs().amax(-1) > 0
    expected_HN = torch.zeros(12, 3, dtype=torch.bool)
    expected_HN[5:10, 1] = True
    assert torch.equal(heard_HN, expected_HN)


def test_the_weight_of_a_hop_depends_on_the_features_of_the_hops() -> None:
    network, x = matrix(4, 5), torch.randn(1, 9, 4)
    assert not torch.allclose(network(2 * x)[0], 2 * network(x)[0], atol=1e-3)


def test_temporal_attention_over_equal_hops_changes_nothing() -> None:
    """Shares add up to one."""
    x = torch.randn(4).expand(1, 9, 4)
    torch.testing.assert_close(matrix(4, 5)(x)[0][:, 4:], x[:, 4:])


def test_attention_uses_edges_with_weight_only() -> None:
    torch.manual_seed(0)
    layer, edge = DynamicGraphAttention(4, 3, 2), top_k_excess(torch.randn(5, 5), 2)
    for node in range(5):
        x = torch.randn(5, 4, requires_grad=True)
        layer(x, edge)[node].square().sum().backward()
        kept, heard = (set(row.nonzero().flatten().tolist()) for row in (edge[node], x.grad.abs().amax(-1)))
        assert len(kept) == 2
        assert kept <= heard <= kept | {node}  # itself through the scores


def test_a_heavier_edge_gets_more_attention() -> None:
    """Edge weights multiply the shares, so that the graph is taught by what it carries."""
    torch.manual_seed(0)
    layer, x = DynamicGraphAttention(4, 3, 1), torch.randn(3, 4)
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


def test_top_k_excess_is_relative_to_the_next_entry_for_any_sign() -> None:
    kept = top_k_excess(torch.tensor([[-3.0, -1.0, -2.0], [5.0, 4.0, 6.0]]), 2)
    assert kept.tolist() == [[0.0, 2.0, 1.0], [1.0, 0.0, 2.0]]
    assert (top_k_excess(torch.tensor([[-3.0, -1.0]]), 10) > 0).all()


def test_entries_that_change_places_do_not_make_the_answer_jump() -> None:
    torch.manual_seed(0)
    layer, x = DynamicGraphAttention(4, 3, 2), torch.randn(3, 4)
    answers = [layer(x, top_k_excess(torch.tensor([[3.0, 1 + tilt, 1 - tilt]] * 3), 2)) for tilt in (1e-6, -1e-6)]
    torch.testing.assert_close(*answers, atol=1e-5, rtol=0.0)
