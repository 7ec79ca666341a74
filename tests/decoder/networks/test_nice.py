import torch

from decoder.networks import build
from tests.helpers.encoders import n_weights, takes_steps

SHARED = {"n_channels": 6, "sfreq": 250.0, "hop_samples": 5, "embedding_dim": 16}


def test_has_the_sizes_of_the_paper_at_250_hz() -> None:
    """40 filters of 25 samples, a mean of 51 every 5, 40 spatial filters over 63 sensors."""
    made = build("tsconv", **(SHARED | {"n_channels": 63}))
    assert n_weights(made.stem) == 40 * 25 + 40
    assert made.stem.receptive_field == 25 + 51 - 1
    assert n_weights(made.spatial) == 40 * 40 * 63


def test_mean_of_the_kernel_keeps_the_hop_where_hops_are_long() -> None:
    """No sample falls between two hops, whatever the hop."""
    made = build("tsconv", **(SHARED | {"hop_samples": 100})).eval()
    x = torch.randn(1, 6, 300, requires_grad=True)
    made(x)[0].square()[..., 0].sum().backward()
    assert (x.grad.abs().sum(1) > 0).all()


def test_embedding_is_layer_normalised() -> None:
    y = build("tsconv", **SHARED).eval()(torch.randn(2, 6, 250))[0]
    torch.testing.assert_close(y.mean(-1), torch.zeros(2, 50), rtol=0, atol=1e-5)
    torch.testing.assert_close(y.var(-1, correction=0), torch.ones(2, 50), rtol=0, atol=1e-2)


def test_learns_which_of_two_sensors_holds_the_rhythm() -> None:
    torch.manual_seed(0)
    losses = list(takes_steps(build("tsconv", **SHARED, n_filters=8, dropout=0.1), 30, lr=0.01))
    assert losses[-1] < 0.5 * losses[0]
