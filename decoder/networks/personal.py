"""A trained network behind a mixing of channels that is fitted to one person in minutes."""

from collections.abc import Mapping
from typing import Any

from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT
from decoder.layers.encoder import EncoderConfig, StreamingNetwork
from decoder.layers.subject import SubjectLayer
from decoder.streaming import State, prefixed, substate


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PersonalConfig(EncoderConfig):
    """Configuration of a PersonalNetwork; JSON can hold it."""

    network: dict[str, Any]  # {"name": ..., "config": {...}} of the network that stays as it is


def member_specs(config: PersonalConfig) -> dict[str, dict[str, Any]]:
    """The network inside, as `build_network` takes it: {"network": {"name", "config"}}."""
    return {"network": config.network}


class PersonalNetwork(StreamingNetwork):
    """A trained network preceded by a channel-mixing matrix fitted to one person, cap and day; see SubjectLayer.

    See StreamingNetwork for what goes in and out. A new one answers as the network inside does. ValueError where the
    network inside takes whole windows, or where its channels, rate, hop or embedding width differ from the config.

    State: network.*  # of the network inside
    """

    config: PersonalConfig

    def __init__(self, config: PersonalConfig, members: Mapping[str, nn.Module]):
        super().__init__(config)
        self.mixing = SubjectLayer(1, config.n_channels)
        self.network = members["network"]
        if not isinstance(self.network, StreamingNetwork):
            raise ValueError("PersonalConfig: its network takes whole windows, needs a network that streams")
        for key in ("n_channels", "sfreq", "hop_samples", "embedding_dim"):
            value, needed = getattr(self.network.config, key), getattr(config, key)
            if value != needed:
                raise ValueError(f"PersonalConfig: {key} of its network is {value}, needs {needed}")

    def embed(self, x_BCT: Tensor, state: State, onset_BH: Tensor, subject: Tensor | int) -> tuple[Tensor, State]:
        y, new = self.network(self.mixing(x_BCT), substate(state, "network"), onset_BH, subject=subject)
        return y, prefixed("network", new)
