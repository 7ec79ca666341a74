import dataclasses
import json

import pytest
import torch

from decoder.networks import NETWORKS, build

CONFIG = {"n_channels": 2, "sfreq": 64.0, "hop_samples": 8, "embedding_dim": 3}


def test_a_config_survives_json() -> None:
    positions = [[0.0, 0.1, 0.0], None]
    made = build("gat_transformer", **CONFIG, positions=positions, power_windows_s=[0.25, 0.5])
    stored = json.loads(json.dumps(dataclasses.asdict(made.config), allow_nan=False))
    again = build("gat_transformer", **stored)
    assert again.config == made.config
    again.load_state_dict(made.state_dict())
    x = torch.randn(1, 2, 64)
    assert torch.equal(again.eval()(x)[0], made.eval()(x)[0])


def test_unknown_key_is_named_with_the_nearest_known() -> None:
    with pytest.raises(ValueError, match="gat_transformer: unknown key 'n_layer', perhaps 'n_layers'"):
        build("gat_transformer", **CONFIG, n_layer=2)


def test_missing_key_is_named() -> None:
    with pytest.raises(ValueError, match="gat_transformer: key 'sfreq' is missing"):
        build("gat_transformer", **{key: value for key, value in CONFIG.items() if key != "sfreq"})


def test_unknown_network_is_named() -> None:
    with pytest.raises(ValueError, match="network 'resnet' is not known, needs one of gat_transformer"):
        build("resnet")


def test_every_network_says_what_it_is_and_may_be_built_by_name() -> None:
    for name, kind in NETWORKS.items():
        assert kind.about
        assert isinstance(build(name, **CONFIG), kind.network)
