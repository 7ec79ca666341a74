"""Transfer from another run: weights are copied, and layers may be frozen."""

from dataclasses import dataclass

from torch import nn

from realtime.errors import BadInput
from training.runs.run import Run


@dataclass(frozen=True)
class TransferReport:
    """Names of weights and buffers."""

    copied: tuple[str, ...]
    fresh: tuple[str, ...]  # of the new network, which the other run lacks or has in another shape

    def __str__(self) -> str:
        layers = ", ".join(dict.fromkeys(name.rpartition(".")[0] or name for name in self.fresh))
        return f"{len(self.copied)} of {len(self.copied) + len(self.fresh)} copied; not copied: {layers or 'none'}"


def copy_weights(network: nn.Module, run: Run) -> TransferReport:
    """Copy weights of the same name and shape in both; BadInput where there are none."""
    theirs, ours = run.load_trained()[0].state_dict(), network.state_dict()
    shared = {name: theirs[name] for name in ours if name in theirs and theirs[name].shape == ours[name].shape}
    if not shared:
        raise BadInput(
            f"--start-from {run.path}: its network {run.description.network['name']!r} has no weight of a name and "
            "shape that the new one has; start from a run of the same network"
        )
    network.load_state_dict(ours | shared)
    return TransferReport(tuple(shared), tuple(name for name in ours if name not in shared))


def freeze(network: nn.Module, names: tuple[str, ...]) -> None:
    """Exclude the weights of these layers from training; BadInput for a layer that the network lacks."""
    for name in names:
        frozen = [weight for key, weight in network.named_parameters() if f"{key}.".startswith(f"{name}.")]
        if not frozen:
            layers = ", ".join(dict.fromkeys(key.partition(".")[0] for key, _ in network.named_parameters()))
            raise BadInput(f"--freeze: no weight is called {name!r}; the network has {layers}")
        for weight in frozen:
            weight.requires_grad_(False)
