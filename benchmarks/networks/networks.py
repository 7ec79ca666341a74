"""Every network as an ONNX file: parity with torch, size, and time of one hop on one thread."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.table import Table

from benchmarks.common.machine import machine
from decoder.export import export_onnx, open_onnx
from decoder.networks import NETWORKS, build_network
from decoder.streaming import Streaming
from decoder.training_trials import TrainingTrials
from realtime.bundle.bundle import positions_to_json
from realtime.errors import BadInput
from realtime.sensors.montage import positions

SFREQ, HOP_SAMPLES, DIM = 128.0, 4, 16
N_HOPS = 1000  # timed, after a tenth as many to warm up
ORDER = (
    *("Fp1 Fp2 AF7 AF3 AFz AF4 AF8 F7 F5 F3 F1 Fz F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCz FC2 FC4 FC6 FT8 T7 C5 C3 C1").split(),
    *("Cz C2 C4 C6 T8 TP7 CP5 CP3 CP1 CPz CP2 CP4 CP6 TP8 P7 P5 P3 P1 Pz P2 P4 P6 P8 PO7 PO3 POz PO4 PO8").split(),
    *("O1 Oz O2 Iz P9 P10 Fpz").split(),
)


def measure_networks(names: Sequence[str], n_channels: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Figures of every network that streams, or of `names`, at its default sizes with random changes of its weights."""
    if not 2 <= n_channels <= len(ORDER):
        raise BadInput(f"--n-channels: {n_channels} found, 2 to {len(ORDER)} needed")
    known = [name for name, entry in NETWORKS.items() if entry.streaming]
    for name in names:
        if name not in known:
            raise BadInput(f"--names: {name!r} is not a network that streams, one of {', '.join(known)} is needed")
    figures = {}
    for name in names or known:
        figures[name] = measure_network(make_network(name, n_channels))
        say(f"{name}: {figures[name]}")
    return {"networks": figures, "n_channels": n_channels, "sfreq": SFREQ, "hop_samples": HOP_SAMPLES} | {
        "machine": machine()
    }


def make_network(name: str, n_channels: int) -> Streaming:
    """The network, fitted where it is fitted by formula, with a random change of every weight."""
    torch.manual_seed(0)
    shared: dict[str, Any] = {
        "n_channels": n_channels,
        "sfreq": SFREQ,
        "hop_samples": HOP_SAMPLES,
        "embedding_dim": DIM,
        "positions": positions_to_json(positions(ORDER[:n_channels])),
    }
    members = [{"name": member, "config": shared} for member in ("gat_transformer", "shallow")]
    more: dict[str, Any] = {"ensemble": {"members": members, "join": "mean"}, "fusion": {"n_first": n_channels // 2}}
    more["calibrated"] = {"network": members[0]}
    network = build_network(name, **shared, **more.get(name, {}))
    assert isinstance(network, Streaming)
    if network.fit_method == "closed_form":
        rng = np.random.default_rng(0)
        signal = rng.standard_normal((n_channels, 100_000)).astype(np.float32)
        onsets = np.arange(200, 99_000, 200)
        labels = np.arange(len(onsets)) % DIM
        network.fit(TrainingTrials([signal], [onsets], [labels], np.eye(DIM), prototypes=True))
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.02 * torch.randn_like(weight))
    return network.eval()


def measure_network(network: Streaming) -> dict[str, Any]:
    """Export a network, compare the file with torch, and time it hop by hop."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoder.onnx"
        difference = export_onnx(network, path, {})
        session = open_onnx(path)
        outputs = [output.name for output in session.get_outputs()]
        config: Any = network.config
        state = {f"state.{key}": value.numpy() for key, value in network.init_state(1).items()}
        rng, times = np.random.default_rng(0), []
        for hop in range(N_HOPS + N_HOPS // 10):
            signal = rng.standard_normal((1, config.n_channels, config.hop_samples)).astype(np.float32)
            onset = np.array([[(hop % 40 + 1) * config.hop_samples / config.sfreq]], np.float32)
            inputs = {"signal": signal, "onset": onset, **state}
            inputs = {entry.name: inputs[entry.name] for entry in session.get_inputs()}
            began = time.perf_counter()
            _, *new = session.run(outputs, inputs)
            times.append(time.perf_counter() - began)
            state = {name.replace("next.", "state.", 1): value for name, value in zip(outputs[1:], new, strict=True)}
        p50, p99 = np.percentile(1e3 * np.array(times[N_HOPS // 10 :]), [50, 99])
        return {
            "weights": sum(value.numel() for value in network.state_dict().values()),
            "file_mb": round(path.stat().st_size / 1e6, 2),
            "difference": float(f"{difference:.1e}"),
            "hop_ms": {"p50": round(float(p50), 3), "p99": round(float(p99), 3)},
        }


def networks_table(figures: dict[str, dict[str, Any]]) -> Table:
    """A row for each network."""
    table = Table(title="every network as an ONNX file, against torch over 2,000 hops", title_justify="left")
    for column in ("network", "weights", "file, MB", "largest difference", "a hop, ms: p50", "p99"):
        table.add_column(column, justify="left" if column == "network" else "right")
    for name, row in figures.items():
        times = row["hop_ms"]
        cells = (f"{row['weights']:,}", row["file_mb"], f"{row['difference']:.0e}", times["p50"], times["p99"])
        table.add_row(name, *map(str, cells))
    return table
