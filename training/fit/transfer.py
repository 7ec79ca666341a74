"""Beginning from what another run learned: weights taken over, and layers that keep them."""

from dataclasses import dataclass

from torch import nn

from realtime.errors import BadInput
from training.runs.run import Run


@dataclass(frozen=True)
class TransferReport:
    """Names of weights and buffers."""

    taken: tuple[str, ...]
    left: tuple[str, ...]  # of the new network, which the other run lacks or has in another shape

    def __str__(self) -> str:
        layers = ", ".join(dict.fromkeys(name.rpartition(".")[0] or name for name in self.left))
        return f"{len(self.taken)} of {len(self.taken) + len(self.left)} taken; begun afresh: {layers or 'none'}"


def copy_weights(network: nn.Module, run: Run) -> TransferReport:
    """Copy what has the same name and shape in both; BadInput where nothing has."""
    theirs, ours = run.load_trained()[0].state_dict(), network.state_dict()
    fit = {name: theirs[name] for name in ours if name in theirs and theirs[name].shape == ours[name].shape}
    if not fit:
        raise BadInput(
            f"--start-from {run.path}: its network {run.description.network['name']!r} has no weight of a name and "
            "shape that the new one has; start from a run of the same network"
        )
    network.load_state_dict(ours | fit)
    return TransferReport(tuple(fit), tuple(name for name in ours if name not in fit))


def freeze(network: nn.Module, names: tuple[str, ...]) -> None:
    """Keep the weights of these layers as they are; BadInput for one the network lacks."""
    for name in names:
        inside = [weight for key, weight in network.named_parameters() if f"{key}.".startswith(f"{name}.")]
        if not inside:
            layers = ", ".join(dict.fromkeys(key.partition(".")[0] for key, _ in network.named_parameters()))
            raise BadInput(f"--freeze: no weight is called {name!r}; the network has {layers}")
        for weight in inside:
            weight.requires_grad_(False)
