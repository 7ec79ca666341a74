"""Sizes that cannot be end in one sentence, for every network and every key."""

import dataclasses
from typing import Any

import pytest

from decoder.config import Amounts, Count, Positive, Positives, Share, Size, Sizes
from decoder.networks import NETWORKS, build_network

CONFIG = {"n_channels": 4, "sfreq": 64.0, "hop_samples": 8, "embedding_dim": 3}
MEMBER = {"name": "shallow", "config": CONFIG}
MORE = {"ensemble": {"members": [MEMBER], "join": "mean"}, "fusion": {"n_first": 2}, "calibrated": {"network": MEMBER}}
WRONG: dict[Any, tuple[object, ...]] = {
    Size: (0, -1, 2.5, float("nan"), True, "wide", None),
    Count: (-1, 0.5, True, "some"),
    Positive: (0, -1.0, float("nan"), float("inf"), True, "long"),
    Share: (-0.1, 1.1, float("nan"), "half"),
    bool: (1, "no"),
    str: (1, None),
    Sizes: ((), (3, 0), 5, None),
    tuple[Size, Size, Size]: ((1, 2), (1, 2, 3, 4), (1, 2, -3)),
    tuple[Positive, Positive]: ((4.0,), (4.0, 0.0), 4.0),
    Positives: ((), (1.0, 0.0), 3),
    Size | None: (0, "wide"),
    Amounts | None: ((), (1.0, -1.0), 3),
    dict[str, Any] | None: (3, "all"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_refuses_values_outside_the_limits(name: str) -> None:
    """The sentence names the key, what was found and what is needed."""
    for field in dataclasses.fields(NETWORKS[name].config):
        for value in WRONG.get(field.type, ()):
            with pytest.raises(ValueError, match=rf"^\w+Config: {field.name} .*, needs (a|true|values)"):
                build_network(name, **CONFIG | MORE.get(name, {}) | {field.name: value})


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("stgate", "filters", [8, 16, 32]),
        ("eegnet", "dropout", 0),
        ("eegnet", "dropout", 1.0),
        ("eegnet", "kernel_s", 1),
        ("atm", "n_layers", 0),
        ("gat_transformer", "stem_kernel", None),
        ("deep", "widths", [4]),
    ],
)
def test_values_within_the_limits_are_accepted(name: str, field: str, value: object) -> None:
    build_network(name, **CONFIG, **{field: value})


def test_the_sentence_names_config_field_value_and_need() -> None:
    with pytest.raises(ValueError, match=r"^EegNetConfig: kernel_s -1, needs a number above 0$"):
        build_network("eegnet", **CONFIG, kernel_s=-1)
    with pytest.raises(ValueError, match=r"filters \(8, 16\), needs a list of 3, each a whole number, 1 or more$"):
        build_network("stgate", **CONFIG, filters=[8, 16])
