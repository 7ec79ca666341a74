"""braindecode's networks with the width that gives them a required number of parameters, for windows of one length."""

import importlib.util
import threading
import warnings
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from realtime.bundle.bundle import Bundle
from realtime.errors import BadInput

# Everything that is not width is the library's own choice; 2 heads instead of 10, because heads must divide the width.
WIDE: dict[str, Callable[[int], dict[str, Any]]] = {
    "EEGConformer": lambda width: {"n_filters_time": 2 * width, "num_heads": 2},
    "ShallowFBCSPNet": lambda width: {"n_filters_time": width, "n_filters_spat": width},
}
WIDTHS = range(2, 200)  # at 1 the library squeezes an axis that must stay
EQUAL = 0.1  # share by which two numbers of parameters may differ and still be equal


def check_peer_loop_installed(instead: str) -> None:
    """BadInput where the libraries of the peer loop are not installed; `instead` is the flag that avoids the peer."""
    missing = [name for name in ("torch", "braindecode", "mne_lsl") if importlib.util.find_spec(name) is None]
    if missing:
        raise BadInput(
            f"--peer: the peer needs {', '.join(missing)}, which is not installed; "
            f"pip install 'glimpse-bci[peers]' mne-lsl, or add {instead}"
        )


def peer_network(name: str, n_channels: int, n_outputs: int, n_times: int, sfreq: float, width: int) -> Any:
    """The network, ready to predict (a torch module), for windows of `n_times` samples at `sfreq` Hz."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # braindecode's
        import braindecode.models

        network = getattr(braindecode.models, name)
        return network(
            n_chans=n_channels, n_outputs=n_outputs, n_times=n_times, sfreq=sfreq, **WIDE[name](width)
        ).eval()


def width_for(name: str, parameters: int, n_channels: int, n_outputs: int, n_times: int, sfreq: float) -> int:
    """The width that brings the network nearest to `parameters`; BadInput where it cannot come within EQUAL."""

    @cache
    def n_parameters(width: int) -> int:
        return count_parameters(peer_network(name, n_channels, n_outputs, n_times, sfreq, width))

    enough = WIDTHS[min(bisect_left(WIDTHS, parameters, key=n_parameters), len(WIDTHS) - 1)]
    best = min((max(enough - 1, WIDTHS[0]), enough), key=lambda width: abs(n_parameters(width) - parameters))
    if abs(n_parameters(best) - parameters) > EQUAL * parameters:
        others = " or ".join(f"--peer {other}" for other in WIDE if other != name)
        raise BadInput(
            f"--peer: no width gives {name} the {parameters} parameters of the bundle's encoder within {EQUAL:.0%}, "
            f"{n_parameters(best)} is the nearest; use {others}, or --peer none --no-context"
        )
    return best


def check_widths(names: Sequence[str], bundle: Path, say: Callable[[Any], None], stop: threading.Event) -> None:
    """BadInput unless each network can be as large as the bundle's encoder; for a WorkerProcess, as it loads torch."""
    from benchmarks.common.random_bundle import parameters

    loaded = Bundle.load(bundle)
    manifest, n_parameters = loaded.manifest, parameters(loaded.manifest)
    shape = (len(manifest.ch_names), len(loaded.bank.names), round(manifest.sfreq), manifest.sfreq)
    for name in names:
        width_for(name, n_parameters, *shape)


def count_parameters(network: Any) -> int:
    """Number of weights of a torch module."""
    return sum(weights.numel() for weights in network.parameters())
