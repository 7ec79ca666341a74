import pytest
import torch

from decoder.graph.attention import GraphAttention
from decoder.graph.neighbours import complete_graph
from decoder.graph.node_layers import ConvBlock, GraphBlock, NodeTransformer, NodeWise


def test_node_wise_equals_the_layer_on_each_node() -> None:
    layer = ConvBlock(3, 3).eval()
    x = torch.randn(2, 10, 12)
    expected = torch.cat([layer(node)[0] for node in x.split(3, dim=-1)], dim=-1)
    torch.testing.assert_close(NodeWise(layer, 4)(x)[0], expected)


def test_node_transformer_attends_within_a_hop_only() -> None:
    torch.manual_seed(0)
    layer = NodeTransformer(4, 2, 3)
    x = torch.randn(2, 5, 12, requires_grad=True)
    layer(x)[1, 2, :4].square().sum().backward()
    reached = x.grad.unflatten(-1, (3, 4)).abs().amax(-1) > 0
    assert reached[1, 2].all()
    assert reached.sum() == 3


def test_dense_skip_of_a_graph_block_keeps_its_input() -> None:
    index, valid = complete_graph(3)
    layer = GraphBlock(GraphAttention(4, 6, index, valid, heads=2), 4, 6, skip="dense")
    x = torch.randn(2, 5, 12)
    y = layer(x).unflatten(-1, (3, layer.width))
    assert layer.width == 10
    assert torch.equal(y[..., :4], x.unflatten(-1, (3, 4)))


def test_complete_graph_has_every_node_once_itself_first() -> None:
    index, valid = complete_graph(4)
    assert index[:, 0].tolist() == [0, 1, 2, 3]
    assert index.sort(dim=1).values.tolist() == [[0, 1, 2, 3]] * 4
    assert valid.all()


@pytest.mark.parametrize(
    "make", [lambda: ConvBlock(4, 3, skip="dense"), lambda: NodeTransformer(4, 2, 3, skip="dense")]
)
def test_stacked_blocks_refuse_the_skip_that_widens(make: object) -> None:
    with pytest.raises(ValueError, match="'dense' changes the width"):
        make()
