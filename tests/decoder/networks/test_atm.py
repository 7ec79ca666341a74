import torch

from decoder.networks import build_network
from decoder.networks.atm import Atm

KNOWN = {"n_channels": 4, "sfreq": 64.0, "hop_samples": 8, "embedding_dim": 3}


def network(**options: object) -> Atm:
    torch.manual_seed(0)
    return build_network("atm", **KNOWN, **options).eval()


def test_attention_mixes_channels_before_the_filters() -> None:
    """With spatial filters on one channel only, the others still reach the answer; without attention they do not."""
    for n_layers, heard in ((1, [0, 1, 2, 3]), (0, [2])):
        module = network(n_layers=n_layers)
        with torch.no_grad():
            module.spatial.weight.unflatten(1, (4, -1))[:, [0, 1, 3]] = 0
        x = torch.randn(1, 4, 64, requires_grad=True)
        module.features(x, module.init_state(1), 0)[0][0, -1].square().sum().backward()
        assert x.grad[0].abs().amax(-1).nonzero().flatten().tolist() == heard


def test_the_output_depends_on_the_order_of_channels() -> None:
    module, x = network(), torch.randn(1, 4, 64)
    with torch.no_grad():
        module.spatial.weight.copy_(
            module.spatial.weight.unflatten(1, (4, -1)).mean(1, keepdim=True).repeat(1, 4, 1).flatten(1)
        )
    assert not torch.allclose(module(x)[0], module(x.flip(1))[0], atol=1e-6)


def test_subjects_start_alike_and_differ_once_trained() -> None:
    module, x = network(n_subjects=3), torch.randn(2, 4, 64)
    assert torch.equal(module(x)[0], module(x, subject=torch.tensor([2, 1]))[0])
    with torch.no_grad():
        module.subjects[2] += torch.randn(32)
    both = module(x, subject=torch.tensor([2, 1]))[0]
    torch.testing.assert_close(both[0], module(x, subject=2)[0][0])
    torch.testing.assert_close(both[1], module(x)[0][1])
    assert not torch.allclose(both[0], module(x)[0][0])
