import pytest
import torch

from decoder.networks import build
from decoder.networks.stgate import MomentAttention, Stgate, largest

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
    assert not torch.allclose(y, network()(x)[0])
    y.square().sum().backward()
    assert [key for key, weight in less.named_parameters() if weight.grad is None] == []


def test_everything_switched_off_is_a_plain_network() -> None:
    y, _ = network(tlb=False, spatial=False, temporal=False)(torch.randn(2, 14, 128))
    assert y.shape == (2, 16, 3)
    assert y.isfinite().all()


def test_adjacency_keeps_ten_edges_into_each_electrode_and_differs_between_samples() -> None:
    made = network()
    with torch.no_grad():
        for weight in made.spatial.parameters():
            weight += 0.3 * torch.randn_like(weight)
    graph = made.adjacency(torch.randn(3, 14, 128))
    assert graph.shape == (3, 14, 14)
    assert (graph != 0).sum(-1).unique().tolist() == [10]
    assert not torch.equal(graph[0] != 0, graph[1] != 0)


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
    layer = MomentAttention(4, 3, 2)
    x = torch.randn(5, 4, requires_grad=True)
    layer(x, largest(torch.randn(5, 5), 2))[1].square().sum().backward()
    assert (x.grad.abs().amax(-1) > 0).sum() <= 3  # its two edges, and itself through the scores


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
