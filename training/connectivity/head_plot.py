"""Pictures of graphs on the head seen from above: who listens to whom, and how much."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from realtime.errors import BadInput
from realtime.sensors.montage import canonical_name
from training.connectivity.priors import GraphPrior

HEAD_CENTRE_M = (0.0, -0.014, 0.004)  # of a sphere through the 10-20 electrodes of the template head
RIM = 1.1  # quarter turns from the top to the drawn head: where T7, T8 and nearly Fpz and Oz are
MAX_EDGES = 250  # edges: more is a cloud


def coupling_matrix(graph: GraphPrior) -> np.ndarray:
    """Coupling (N, N), the mean over bands, zero where the graph has no edge; row i listens to column j."""
    n = len(graph.neighbours)
    weights = np.zeros((n, n))
    for i, (row, features) in enumerate(zip(graph.neighbours, graph.edge_features, strict=True)):
        for j, feature in zip(row, features, strict=True):
            if j >= 0:
                weights[i, j] = np.mean(feature)
    return weights


def project_to_plane(positions_N3: np.ndarray) -> np.ndarray:
    """Where sensors are drawn, (N, 2): angle from the top as distance, the rim of the head at 1, nose up."""
    from_centre = positions_N3 - np.array(HEAD_CENTRE_M)
    across = np.hypot(from_centre[:, 0], from_centre[:, 1])
    turn = np.arctan2(across, from_centre[:, 2]) / (np.pi / 2) / RIM
    return from_centre[:, :2] * (turn / np.maximum(across, 1e-9))[:, None]


def list_edges(weights: np.ndarray) -> tuple[list[tuple[int, int, float]], bool]:
    """Edges (listener, source, weight) above 0, strongest first, and whether they have a direction.

    A symmetric matrix has none, and each pair counts once.
    """
    directed = not np.allclose(weights, weights.T)
    wanted = weights > 0 if directed else np.triu(weights, 1) > 0
    np.fill_diagonal(wanted, False)
    pairs = np.argwhere(wanted)
    order = np.argsort(-weights[wanted], kind="stable")
    return [(int(i), int(j), float(weights[i, j])) for i, j in pairs[order]], directed


def plot_graph(
    weights: np.ndarray, positions: np.ndarray, out: Path, ch_names: Sequence[str] | None = None, title: str = ""
) -> None:
    """Draw a graph (N, N), 0 or more, on the head; the file type is that of `out`.

    `positions` (N, 3) in metres in the head frame; sensors without one (NaN) are named below. Of more than 250 edges
    the strongest 250 are drawn. Raises BadInput where fewer than two sensors have a position.
    """
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle, FancyArrowPatch
    from matplotlib.patheffects import withStroke

    names = [canonical_name(name) or name for name in ch_names] if ch_names else [str(i) for i in range(len(weights))]
    known = np.isfinite(positions).all(axis=1)
    if known.sum() < 2:
        raise BadInput(f"{out}: {known.sum()} of {len(known)} channels have a position, 2 or more are needed to draw.")
    at = project_to_plane(positions)
    edges, directed = list_edges(np.where(known[:, None] & known, weights, 0.0))
    drawn = edges[:MAX_EDGES]
    low, high = (drawn[-1][2], drawn[0][2]) if drawn else (0.0, 1.0)
    norm = Normalize(low if low < high else 0.0, high)
    # The palest colours of the map would not be seen on white.
    colours = LinearSegmentedColormap.from_list("", colormaps["YlGnBu"](np.linspace(0.25, 1)))

    figure = Figure(figsize=(7.5, 6.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    ink = "0.35"
    axes.add_patch(Circle((0, 0), 1, fill=False, color=ink, lw=1.5, zorder=0))
    axes.plot([-0.1, 0, 0.1], [0.995, 1.1, 0.995], color=ink, lw=1.5, zorder=0)
    turn = np.linspace(-0.45, 0.45, 30) * np.pi
    for side in (-1, 1):
        axes.plot(side * (1 + 0.07 * np.cos(turn)), 0.15 * np.sin(turn), color=ink, lw=1.5, zorder=0)

    total = np.where(known[:, None], weights, 0.0).sum(axis=0)  # what each gives
    size = 12 + 60 * total / max(total.max(), 1e-12)
    radius = np.sqrt(size) / 2  # points
    for rank, (i, j, weight) in enumerate(reversed(drawn)):
        strength = float(norm(weight))
        axes.add_patch(
            FancyArrowPatch(
                tuple(at[j]),
                tuple(at[i]),
                arrowstyle="-|>" if directed else "-",
                mutation_scale=6 + 4 * strength,
                connectionstyle="arc3,rad=0.12" if directed else "arc3,rad=0",
                shrinkA=radius[j],
                shrinkB=radius[i] + 1,
                lw=0.4 + 2.6 * strength,
                alpha=0.4 + 0.6 * strength,
                color=colours(strength),
                zorder=1 + rank / len(drawn),
            )
        )
    axes.scatter(at[known, 0], at[known, 1], s=size[known], color="0.15", edgecolor="white", lw=0.8, zorder=3)
    for i in np.flatnonzero(known).tolist():
        axes.annotate(
            names[i],
            at[i],
            (0, radius[i] + 1.5),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=9 if known.sum() <= 32 else 6.5,
            color="0.1",
            zorder=4,
            path_effects=[withStroke(linewidth=1.2, foreground="white")],
        )
    wide, high_up = np.maximum(np.abs(at[known]).max(axis=0) + 0.12, (1.1, 1.15))
    axes.set(xlim=(-wide, wide), ylim=(-high_up, high_up), aspect="equal")
    axes.axis("off")
    some = f", the {len(drawn)} strongest drawn" if len(drawn) < len(edges) else ""
    axes.set_title(f"{title}\n" * bool(title) + f"{len(edges)} {'arrows' if directed else 'edges'}{some}", fontsize=11)
    if unknown := [name for name, here in zip(names, known, strict=True) if not here]:
        more = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
        axes.text(
            0.5, 0, f"no position: {', '.join(unknown[:8])}{more}", transform=axes.transAxes, ha="center", fontsize=8
        )
    if drawn:
        bar = ScalarMappable(norm, colours)
        figure.colorbar(
            bar, ax=axes, shrink=0.5, label="coupling" if not directed else "coupling, from source to listener"
        )
    figure.savefig(out, dpi=150)
