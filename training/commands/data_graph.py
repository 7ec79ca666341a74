"""`glimpse data graph`: which sensors are coupled, as a table and a plot."""

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from realtime.errors import BadInput
from realtime.sensors.montage import positions
from training.connectivity.head_plot import coupling_matrix, list_edges, plot_graph
from training.connectivity.network_attention import mean_attention
from training.connectivity.priors import BANDS, build_prior
from training.data.dataset import load_split
from training.data.schema import DatasetFile
from training.data.segments import preprocess_recording
from training.data.targets import read_targets
from training.fit.plan import plan_run
from training.runs.recipe import Recipe
from training.runs.run import Run

STRONGEST = 10  # printed
PICTURE_SUFFIXES = (".png", ".pdf", ".svg")


def draw_graph(dataset: DatasetFile, out: Path, kind: str, k: int, run: Path | None) -> None:
    """Compute the graph from `files.train` as it is prepared for training, print its strongest edges, draw it."""
    if out.suffix.lower() not in PICTURE_SUFFIXES:
        raise BadInput(
            f"--out: {out} ends in {out.suffix or 'nothing'}, one of {', '.join(PICTURE_SUFFIXES)} is needed"
        )
    if run is not None:
        trained = Run.load(run)
        ch_names = tuple(trained.description.ch_names)
        recording = load_split(dataset, "train", ch_names)[0]
        weights, places = mean_attention(trained, recording), recording.positions_m
        title = f"{dataset.name}: attention of {trained.description.network['name']}"
    else:
        weights, ch_names, places = measure_coupling(dataset, kind, k)
        bands = "" if kind in ("distance", "granger") else f", mean of {', '.join(f'{a:g}-{b:g}' for a, b in BANDS)} Hz"
        title = f"{dataset.name}: {kind}{bands}"
    print_edges(title, weights, ch_names)
    plot_graph(weights, positions(ch_names, places), out, ch_names, title)
    Console().print(f"wrote {out}")


def measure_coupling(dataset: DatasetFile, kind: str, k: int) -> tuple[np.ndarray, tuple[str, ...], np.ndarray | None]:
    """Strength of each edge of the prior (C, C), the channels, and where the first recording places them."""
    recordings = load_split(dataset, "train")
    targets = read_targets(dataset)
    # Whatever is trained, signals are prepared alike; any recipe describes that.
    description = plan_run(dataset, Recipe(), {"train": recordings, "valid": []}, targets)
    frontend = Run(Path(), description).make_frontend()
    labels = targets.labels
    segments = [s for recording in recordings for s in preprocess_recording(recording, frontend, labels)]
    ch_names, places = recordings[0].ch_names, recordings[0].positions_m
    signals = [segment.signal for segment in segments if segment.signal.size]
    graph = build_prior(kind, signals, dataset.preprocess.sfreq, positions(ch_names, places), k, ch_names=ch_names)
    return coupling_matrix(graph), ch_names, places


def print_edges(title: str, weights: np.ndarray, ch_names: tuple[str, ...]) -> None:
    """Print the strongest edges."""
    edges, directed = list_edges(weights)
    table = Table("from" if directed else "sensor", "to" if directed else "sensor", "strength", title=title)
    for to, source, weight in edges[:STRONGEST]:
        table.add_row(ch_names[source], ch_names[to], f"{weight:.3f}")
    Console().print(table)
    Console().print(f"{len(edges)} {'directed ' if directed else ''}edges between {len(ch_names)} sensors")
