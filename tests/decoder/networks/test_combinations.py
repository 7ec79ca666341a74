import pytest
import torch

from decoder.networks import build_network
from decoder.networks.chain import Chain

KNOWN = {"n_channels": 4, "sfreq": 64.0, "hop_samples": 8, "embedding_dim": 3}
POSITIONS = tuple((0.01 * i * i, 0.1 * i, 0.0) for i in range(4))


def network(name: str, **options: object) -> Chain:
    torch.manual_seed(0)
    return build_network(name, **KNOWN, **options).eval()


@pytest.mark.parametrize("name", ["gat_fc", "cnn_gat", "transformer_gat"])
def test_a_prior_decides_which_electrodes_are_connected(name: str) -> None:
    module = network(name, neighbours=((0, 2), (1, -1), (2, -1), (3, -1)), graph_skip="none")
    x = torch.randn(1, 4, 64, requires_grad=True)
    nodes, _ = module.features(x, module.init_state(1), 0)
    nodes[0, -1].unflatten(-1, (4, -1))[0].square().sum().backward()
    assert x.grad[0].abs().amax(-1).nonzero().flatten().tolist() == [0, 2]


@pytest.mark.parametrize("name", ["gat_fc", "cnn_gat", "transformer_gat"])
def test_without_a_graph_positions_make_one(name: str) -> None:
    x = torch.randn(1, 4, 64)
    near, alone = network(name, positions=POSITIONS), network(name)
    assert not torch.allclose(near(x)[0], alone(x)[0])


def test_nodes_after_a_spatial_convolution_are_sources_all_connected() -> None:
    module = network("cnn_transformer_gat", n_sources=6)
    assert module.layers[-1].attention.index.shape == (6, 6)
    with pytest.raises(ValueError, match="unknown key 'neighbours'"):
        network("cnn_transformer_gat", neighbours=((0,),) * 4)


@pytest.mark.parametrize("name", ["cnn_transformer", "transformer_cnn", "transformer_gat", "cnn_transformer_gat"])
@pytest.mark.parametrize("skip", ["identity", "gated", "projection", "none", "dense"])
def test_the_skip_of_the_transformer_may_be_chosen(name: str, skip: str) -> None:
    x = torch.randn(1, 4, 64)
    assert not torch.allclose(network(name, skip=skip)(x)[0], network(name)(x)[0])


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("theta_n", {}),
        ("theta_r", {}),
        ("none", {}),
        ("att", {"graph_version": 1}),
        ("att", {"graph_activation": "softplus"}),
        ("att", {"graph_skip": "gated"}),
    ],
)
def test_graph_modes_change_the_answer(mode: str, options: dict) -> None:
    """With the same weights wherever both have them, so that only the mode can make the difference."""
    x, plain = torch.randn(1, 4, 64), network("cnn_gat", positions=POSITIONS)
    module = network("cnn_gat", positions=POSITIONS, graph_self=mode, **options)
    module.load_state_dict(dict(plain.named_parameters()), strict=False)
    assert not torch.allclose(module(x)[0], plain(x)[0])


def test_a_dense_skip_keeps_the_features_before_the_graph() -> None:
    x, nodes = torch.randn(1, 4, 64), []
    for kind in ("none", "dense"):
        module = network("cnn_gat", positions=POSITIONS, graph_skip=kind)
        nodes.append(module.features(x, module.init_state(1), 0)[0].unflatten(-1, (4, -1)))
    after, both = nodes
    assert both.shape[-1] == 2 * after.shape[-1] == 32
    torch.testing.assert_close(both[..., 16:], after)
