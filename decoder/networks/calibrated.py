"""A trained network behind a mixing of channels that was learned from one person in minutes."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from decoder.layers.encoder import EncoderConfig, StreamingNetwork
from decoder.layers.subject import SubjectLayer
from decoder.streaming import State, Streaming, prefixed, substate


@dataclass(frozen=True, kw_only=True)
class CalibratedConfig(EncoderConfig):
    """What a Calibrated is made from; JSON can hold it."""

    network: dict[str, Any]  # {"name": ..., "config": {...}} of the network that stays as it is


class PersonalNetwork(StreamingNetwork):
    """A network that hears its channels mixed as suits a person, a cap and a day; see SubjectLayer.

    See StreamingNetwork for what goes in and out. As made it answers as the network inside does. ValueError where the
    network inside hears or answers otherwise.

    State: network.*  # of the network inside
    """

    config: CalibratedConfig

    def __init__(self, config: CalibratedConfig):
        from decoder.networks import build_network  # which lists this network, too

        super().__init__(config)
        self.mixing = SubjectLayer(1, config.n_channels)
        self.network = build_network(config.network.get("name", ""), **config.network.get("config", {}))
        if not isinstance(self.network, Streaming):
            raise ValueError("CalibratedConfig: its network takes whole windows, needs a network that streams")
        given: Any = self.network.config
        for key in ("n_channels", "sfreq", "hop_samples", "embedding_dim"):
            found, needed = getattr(given, key), getattr(config, key)
            if found != needed:
                raise ValueError(f"CalibratedConfig: {key} of its network is {found}, needs {needed}")

    def embed(self, x_BCT: Tensor, state: State, onset_BH: Tensor, subject: Tensor | int) -> tuple[Tensor, State]:
        y, new = self.network(self.mixing(x_BCT), substate(state, "network"), onset_BH, subject=subject)
        return y, prefixed("network", new)
