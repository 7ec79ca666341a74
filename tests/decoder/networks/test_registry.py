import dataclasses
import json

import pytest
import torch
from torch.nn.functional import cross_entropy

from decoder.closed_form.base import ClosedForm
from decoder.networks import NETWORKS, build_network

CONFIG = {"n_channels": 2, "sfreq": 64.0, "hop_samples": 8, "embedding_dim": 3}
PLACES = ((0.0, 0.1, 0.0), (0.1, 0.0, 0.0))  # m
MEMBER = {"name": "shallow", "config": CONFIG | {"dropout": 0.0}}
MORE = {  # what a network cannot guess
    "ensemble": {"members": [MEMBER, MEMBER], "join": "mean"},
    "calibrated": {"network": MEMBER},
    "fusion": {"n_first": 1},
    "brain_module": {"positions": PLACES, "dim": 16, "dropout_radius": 0.0},
    "meg_image": {"positions": PLACES, "dim": 16, "dropout_radius": 0.0},
}


TRAINED = [
    name for name, kind in NETWORKS.items() if kind.streaming and not issubclass(kind.network, ClosedForm)
]  # by descent


def test_a_config_survives_json() -> None:
    positions = [[0.0, 0.1, 0.0], None]
    module = build_network("gat_transformer", **CONFIG, positions=positions, power_windows_s=[0.25, 0.5])
    stored = json.loads(json.dumps(dataclasses.asdict(module.config), allow_nan=False))
    again = build_network("gat_transformer", **stored)
    assert again.config == module.config
    again.load_state_dict(module.state_dict())
    x = torch.randn(1, 2, 64)
    assert torch.equal(again.eval()(x)[0], module.eval()(x)[0])


def test_unknown_key_is_reported_with_the_nearest_known() -> None:
    with pytest.raises(ValueError, match="gat_transformer: unknown key 'n_layer', perhaps 'n_layers'"):
        build_network("gat_transformer", **CONFIG, n_layer=2)


def test_missing_key_is_reported() -> None:
    with pytest.raises(ValueError, match="gat_transformer: key 'sfreq' is missing"):
        build_network("gat_transformer", **{key: value for key, value in CONFIG.items() if key != "sfreq"})


def test_unknown_network_is_reported() -> None:
    with pytest.raises(ValueError, match="network 'resnet' is not known, needs one of gat_transformer"):
        build_network("resnet")


def test_every_network_has_a_description_and_is_built_by_name() -> None:
    for name, kind in NETWORKS.items():
        assert kind.about
        assert isinstance(build_network(name, **CONFIG, **MORE.get(name, {})), kind.network)


@pytest.mark.parametrize("name", TRAINED)
def test_one_training_step_lowers_the_loss_and_reaches_every_weight(name: str) -> None:
    """Two labels that differ by a rhythm and a step, on a network without dropout."""
    torch.manual_seed(0)
    module = build_network(name, **CONFIG, **MORE.get(name, {}), dropout=0.0).train()
    label = torch.arange(16) % 2
    rhythm = torch.sin(2 * torch.pi * 10 / 64 * torch.arange(64)) + 0.5
    x = 0.5 * torch.randn(16, 2, 64) + label[:, None, None] * rhythm
    onset = (torch.arange(1, 9) / 8).expand(16, 8)

    def loss() -> torch.Tensor:
        return cross_entropy(module(x, None, onset)[0][:, -1], label)

    before = loss()
    before.backward()
    assert [key for key, weight in module.named_parameters() if weight.grad is None] == []
    with torch.no_grad():
        squared = sum(float(weight.grad.square().sum()) for weight in module.parameters())
        for weight in module.parameters():
            weight -= min(1e-2, 0.1 * float(before) / squared) * weight.grad  # a tenth of the loss if it were straight
    assert loss() < before


@pytest.mark.parametrize("name", TRAINED)
def test_every_network_trains_under_bfloat16_autocast(name: str) -> None:
    torch.manual_seed(0)
    module = build_network(name, **CONFIG, **MORE.get(name, {})).train()
    with torch.autocast("cpu", torch.bfloat16):
        y, _ = module(torch.randn(4, 2, 64), None, torch.rand(4, 8))
    y.float().square().mean().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in module.parameters())
