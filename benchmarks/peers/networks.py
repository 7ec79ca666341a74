"""braindecode's networks made as wide as gives them a wanted number of parameters, for windows of one length."""

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
WIDTHS = range(2, 200)  # at 1 the library squeezes an axis too many
EQUAL = 0.1  # share by which two counts of parameters may differ and still be called equal


def check_installed(instead: str) -> None:
    """BadInput where the libraries of the peer loop are not there; `instead` is the flag that does without."""
    lacking = [name for name in ("torch", "braindecode", "mne_lsl") if importlib.util.find_spec(name) is None]
    if lacking:
        raise BadInput(
            f"--peer: the peer needs {', '.join(lacking)}, which is not installed; "
            f"pip install 'glimpse-bci[peers]' mne-lsl, or add {instead}"
        )


def peer_network(name: str, n_channels: int, n_outputs: int, n_times: int, sfreq: float, width: int) -> Any:
    """The network, ready to predict (a torch module), for windows of `n_times` samples at `sfreq` Hz."""
    from benchmarks.peers.classifiers import stub_torchaudio

    stub_torchaudio()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the library warns of is its own
        import braindecode.models

        kind = getattr(braindecode.models, name)
        return kind(n_chans=n_channels, n_outputs=n_outputs, n_times=n_times, sfreq=sfreq, **WIDE[name](width)).eval()


def width_for(name: str, parameters: int, n_channels: int, n_outputs: int, n_times: int, sfreq: float) -> int:
    """The width that brings the network nearest to `parameters`; BadInput where it cannot come within EQUAL."""

    @cache
    def found(width: int) -> int:
        return count_parameters(peer_network(name, n_channels, n_outputs, n_times, sfreq, width))

    enough = WIDTHS[min(bisect_left(WIDTHS, parameters, key=found), len(WIDTHS) - 1)]
    best = min((max(enough - 1, WIDTHS[0]), enough), key=lambda width: abs(found(width) - parameters))
    if abs(found(best) - parameters) > EQUAL * parameters:
        others = " or ".join(f"--peer {other}" for other in WIDE if other != name)
        raise BadInput(
            f"--peer: no width gives {name} the {parameters} parameters of the bundle's encoder within {EQUAL:.0%}, "
            f"{found(best)} is the nearest; take {others}, or --peer none --no-context"
        )
    return best


def check_widths(names: Sequence[str], bundle: Path, say: Callable[[Any], None], stop: threading.Event) -> None:
    """To run apart, for it loads torch: BadInput unless each network can be as large as the bundle's encoder."""
    from benchmarks.common.random_bundle import parameters

    opened = Bundle.load(bundle)
    m, wanted = opened.manifest, parameters(opened.manifest)
    shape = (len(m.ch_names), len(opened.bank.names), round(m.sfreq), m.sfreq)
    for name in names:
        width_for(name, wanted, *shape)


def count_parameters(network: Any) -> int:
    """Trained numbers of a torch module."""
    return sum(weights.numel() for weights in network.parameters())
