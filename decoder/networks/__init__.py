"""Networks by name, as a manifest names them."""

import dataclasses
from difflib import get_close_matches
from typing import Any, NamedTuple

from decoder.networks.gat_transformer import GatTransformer, GatTransformerConfig
from decoder.streaming import Streaming


class Network(NamedTuple):
    """How to build a network and what it is."""

    config: type
    network: type
    about: str


NETWORKS: dict[str, Network] = {
    "gat_transformer": Network(
        GatTransformerConfig,
        GatTransformer,
        "graph attention over sensors, evidence since onset, band power, causal transformer",
    ),
}


def build(name: str, **config: Any) -> Streaming:
    """The network `name` from its config as JSON holds it; ValueError names an unknown or missing key."""
    if name not in NETWORKS:
        raise ValueError(f"network {name!r} is not known, needs one of {', '.join(NETWORKS)}")
    kind = NETWORKS[name]
    fields = {field.name: field for field in dataclasses.fields(kind.config)}
    for key in config:
        if key not in fields:
            near = get_close_matches(key, fields, 1)
            raise ValueError(f"{name}: unknown key {key!r}, " + (f"perhaps {near[0]!r}" if near else "remove it"))
    for key, field in fields.items():
        if field.default is dataclasses.MISSING and key not in config:
            raise ValueError(f"{name}: key {key!r} is missing")
    return kind.network(kind.config(**{key: tuples(value) for key, value in config.items()}))


def tuples(value: Any) -> Any:
    """Lists, which JSON has, as tuples, which a frozen config has."""
    return tuple(tuples(item) for item in value) if isinstance(value, list | tuple) else value
