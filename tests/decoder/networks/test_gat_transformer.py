import dataclasses

import pytest
import torch

from decoder.layers.onset import onset_basis
from decoder.networks.gat_transformer import GatTransformer, GatTransformerConfig

CONFIG = GatTransformerConfig(n_channels=4, sfreq=64.0, hop_samples=8, embedding_dim=6, dim=16, stem_features=4)


def network(**changes: object) -> GatTransformer:
    torch.manual_seed(0)
    return GatTransformer(dataclasses.replace(CONFIG, **changes)).eval()


def test_one_embedding_every_hop() -> None:
    y, _ = network()(torch.randn(3, 4, 80))
    assert y.shape == (3, 10, 6)


def test_no_onset_and_a_negative_onset_are_the_same() -> None:
    x = torch.randn(1, 4, 80)
    assert torch.equal(network()(x)[0], network()(x, None, torch.full((1, 10), -3.0))[0])


def test_a_known_onset_changes_the_answer() -> None:
    x, module = torch.randn(1, 4, 80), network()
    assert not torch.allclose(module(x)[0], module(x, None, torch.arange(1, 11)[None] / 8)[0])


def test_subjects_start_alike_and_differ_once_trained() -> None:
    module, x = network(n_subjects=3), torch.randn(2, 4, 80)
    assert torch.equal(module(x)[0], module(x, subject=torch.tensor([2, 1]))[0])
    with torch.no_grad():
        module.subjects[2] *= 2
    both = module(x, subject=torch.tensor([2, 1]))[0]
    torch.testing.assert_close(both[0], module(x, subject=2)[0][0])
    torch.testing.assert_close(both[1], module(x)[0][1])
    assert not torch.allclose(both[0], module(x)[0][0])


def test_a_time_varying_linear_classifier_since_onset_can_be_expressed() -> None:
    """The evoked head can answer the signal at one time after onset and nothing at any other."""
    module = network(n_layers=1)
    basis_dim = module.config.onset_features
    hop_s, expected = 8 / 64, 4
    with torch.no_grad():
        for layer in (module.head_power, module.head_context):
            layer.weight.zero_()
            layer.bias.zero_()
        basis = onset_basis(hop_s * torch.arange(1, 11)[None], basis_dim)[0]
        target = torch.zeros(10, module.config.dim)
        target[expected] = 1
        module.gain.weight.copy_((torch.linalg.pinv(basis) @ target).T)
        module.gain.bias.zero_()
    x = torch.randn(1, 4, 80, requires_grad=True)
    y, _ = module(x, None, hop_s * torch.arange(1, 11)[None])
    y[0, -1].sum().backward()
    per_hop = x.grad.abs().unflatten(-1, (10, 8)).amax((0, 1, 3))
    assert per_hop[expected - 1 : expected + 1].min() > 1e-3
    assert torch.cat([per_hop[: expected - 1], per_hop[expected + 1 :]]).max() < 1e-4


def test_trains_under_bfloat16_autocast() -> None:
    module = network().train()
    with torch.autocast("cpu", torch.bfloat16):
        y, _ = module(torch.randn(2, 4, 80), None, torch.rand(2, 10))
    y.float().square().mean().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in module.parameters())


@pytest.mark.parametrize("paths", [("power",), ("evoked",), ("context",), ("power", "evoked"), ("evoked", "context")])
def test_paths_may_be_left_out(paths: tuple[str, ...]) -> None:
    """What is left trains whole, streams, and answers otherwise than the full network."""
    module, x, onset = network(paths=paths, dropout=0.0), torch.randn(2, 4, 80), torch.rand(2, 10)
    y, _ = module(x, None, onset)
    assert not torch.allclose(y, network(dropout=0.0)(x, None, onset)[0])
    y.square().sum().backward()
    assert all(weight.grad is not None for weight in module.parameters())
    first, state = module(x[..., :40], None, onset[:, :5])
    second, _ = module(x[..., 40:], state, onset[:, 5:])
    torch.testing.assert_close(torch.cat([first, second], dim=1), y)


def test_unknown_path_is_refused() -> None:
    with pytest.raises(ValueError, match="needs one or more of power, evoked, context"):
        network(paths=("sound",))


def test_a_graph_prior_decides_which_sensors_are_connected() -> None:
    """Channel 0 hears itself and 3, and nobody else."""
    module = network(neighbours=((0, 3), (1, -1), (2, -1), (3, -1)), graph_self="theta_n")
    features = torch.randn(1, 1, 4, 4, requires_grad=True)
    module.mix(features, 0)[0, 0, 0].sum().backward()
    assert features.grad.abs().amax(-1)[0, 0].nonzero().flatten().tolist() == [0, 3]


def test_positions_of_too_few_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="positions of 1 channels, needs 4"):
        network(positions=((0.0, 0.0, 0.0),))


def test_chunk_that_is_no_multiple_of_the_hop_is_refused() -> None:
    with pytest.raises(ValueError, match="GatTransformer: chunk of 9 samples, needs a multiple of 8"):
        network()(torch.zeros(1, 4, 9))
