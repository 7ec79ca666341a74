"""braindecode's networks made as wide as gives them a wanted number of parameters, for windows of one length."""

import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

from realtime.errors import BadInput

# Everything that is not width is the library's own choice; 2 heads instead of 10, because heads must divide the width.
WIDE: dict[str, Callable[[int], dict[str, Any]]] = {
    "EEGConformer": lambda width: {"n_filters_time": 2 * width, "num_heads": 2},
    "ShallowFBCSPNet": lambda width: {"n_filters_time": width, "n_filters_spat": width},
}
WIDEST = 200
EQUAL = 0.1  # share by which two counts of parameters may differ and still be called equal


def check_installed(instead: str) -> None:
    """BadInput where the libraries of the peer loop are not there; `instead` is the flag that does without."""
    lacking = [name for name in ("torch", "braindecode", "mne_lsl") if importlib.util.find_spec(name) is None]
    if lacking:
        raise BadInput(
            f"--peer: the peer needs {', '.join(lacking)}, which is not installed; pip install -e '.[peers]' mne-lsl, "
            f"or add {instead}"
        )


def peer_network(name: str, n_channels: int, n_outputs: int, n_times: int, sfreq: float, width: int) -> Any:
    """The network, ready to predict (a torch module), for windows of `n_times` samples at `sfreq` Hz."""
    from benchmarks.peers import torchaudio_without_its_compiled_part

    torchaudio_without_its_compiled_part()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the library warns of is its own
        import braindecode.models

        kind = getattr(braindecode.models, name)
        return kind(n_chans=n_channels, n_outputs=n_outputs, n_times=n_times, sfreq=sfreq, **WIDE[name](width)).eval()


def width_for(name: str, parameters: int, n_channels: int, n_outputs: int, n_times: int, sfreq: float) -> int:
    """The width that brings the network nearest to `parameters`; BadInput where it cannot come within EQUAL."""
    best, off = 2, float("inf")
    for width in range(2, WIDEST):  # at 1 the library squeezes an axis too many
        found = count(peer_network(name, n_channels, n_outputs, n_times, sfreq, width))
        if abs(found - parameters) < off:
            best, off = width, abs(found - parameters)
        if found > parameters:
            break
    if off > EQUAL * parameters:
        raise BadInput(
            f"--peer: no width gives {name} the {parameters} parameters of the bundle's encoder within {EQUAL:.0%}; "
            f"name another of {', '.join(WIDE)}"
        )
    return best


def count(network: Any) -> int:
    """Trained numbers of a torch module."""
    return sum(weights.numel() for weights in network.parameters())
