import torch
import torch.nn.functional as F

from decoder.networks import build_network
from tests.helpers.encoders import n_weights, takes_steps

SHARED = {"n_channels": 6, "sfreq": 250.0, "hop_samples": 5, "embedding_dim": 16}


def test_has_the_sizes_of_the_paper_at_250_hz() -> None:
    """40 filters of 25 samples, a mean of 51 every 5, 40 spatial filters over 63 sensors."""
    network = build_network("tsconv", **(SHARED | {"n_channels": 63}))
    assert n_weights(network.stem) == 40 * 25 + 40
    assert network.stem.receptive_field == 25 + 51 - 1
    assert n_weights(network.spatial) == 40 * 40 * 63


def test_answers_as_the_paper_s_layers_one_by_one_do() -> None:
    """Convolution, mean of 51 every 5, norm, ELU, filters over sensors, norm, ELU; then projection and residual."""
    torch.manual_seed(0)
    network, x = build_network("tsconv", **SHARED).eval(), torch.randn(2, 6, 250)
    kernel, padded = network.stem.conv.parametrizations.weight.original, F.pad(x, (75 - 5, 0))
    in_time = F.avg_pool1d(F.conv1d(padded.flatten(0, 1)[:, None], kernel, network.stem.conv.bias), 51, stride=5)
    maps = F.elu(
        F.batch_norm(in_time.unflatten(0, (2, 6)).transpose(1, 2), *stored(network.norm_temporal))
    )  # [B, F, C, H]
    in_space = torch.einsum("bfch,ocf->boh", maps, network.spatial.weight.unflatten(1, (6, 40)))
    expected = network.mix(F.elu(F.batch_norm(in_space, *stored(network.norm_spatial))).transpose(1, 2))
    torch.testing.assert_close(network.features(x, network.init_state(2), 0)[0], expected, rtol=1e-4, atol=1e-5)
    projected, _ = network.readout(expected)
    torch.testing.assert_close(
        network(x)[0], network.norm(projected + network.residual(projected)), rtol=1e-3, atol=1e-4
    )


def stored(norm: torch.nn.BatchNorm1d) -> tuple[torch.Tensor, ...]:
    return norm.running_mean, norm.running_var, norm.weight, norm.bias


def test_mean_of_the_kernel_keeps_the_hop_where_hops_are_long() -> None:
    """No sample falls between two hops, whatever the hop."""
    network = build_network("tsconv", **(SHARED | {"hop_samples": 100})).eval()
    x = torch.randn(1, 6, 300, requires_grad=True)
    network(x)[0].square()[..., 0].sum().backward()
    assert (x.grad.abs().sum(1) > 0).all()


def test_embedding_is_layer_normalised() -> None:
    y = build_network("tsconv", **SHARED).eval()(torch.randn(2, 6, 250))[0]
    torch.testing.assert_close(y.mean(-1), torch.zeros(2, 50), rtol=0, atol=1e-5)
    torch.testing.assert_close(y.var(-1, correction=0), torch.ones(2, 50), rtol=0, atol=1e-2)


def test_learns_which_of_two_sensors_holds_the_rhythm() -> None:
    torch.manual_seed(0)
    losses = list(takes_steps(build_network("tsconv", **SHARED, n_filters=8, dropout=0.1), 30, lr=0.01))
    assert losses[-1] < 0.5 * losses[0]
