"""Pictures of sensor graphs on a head seen from above."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch
from matplotlib.patheffects import withStroke

from realtime.errors import BadInput
from realtime.sensors.montage import canonical_name
from training.connectivity.priors import GraphPrior

HEAD_CENTRE_M = (0.0, -0.014, 0.004)  # of a sphere through the 10-20 electrodes of the template head
RIM = 1.1  # quarter turns from the top to the rim of the drawn head, where T7 and T8 and nearly Fpz and Oz are
MAX_EDGES = 250  # more of them cannot be distinguished
MAX_UNLOCATED = 8  # names of sensors without a position below the picture
MANY_SENSORS = 32  # above, names are smaller
OUTLINE = "0.35"

Edge = tuple[int, int, float]  # listener, source, weight


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
    """Positions in the picture (N, 2): the angle from the top becomes the distance, the rim is at 1, nose up."""
    from_centre = positions_N3 - np.array(HEAD_CENTRE_M)
    across = np.hypot(from_centre[:, 0], from_centre[:, 1])
    turn = np.arctan2(across, from_centre[:, 2]) / (np.pi / 2) / RIM
    plane: np.ndarray = from_centre[:, :2] * (turn / np.maximum(across, 1e-9))[:, None]
    return plane


def list_edges(weights: np.ndarray) -> tuple[list[Edge], bool]:
    """Edges (listener, source, weight) above 0, strongest first, and whether they have a direction.

    The edges of a symmetric matrix have none, and each pair is listed once.
    """
    directed = not np.allclose(weights, weights.T)
    is_edge = weights > 0 if directed else np.triu(weights, 1) > 0
    np.fill_diagonal(is_edge, False)
    pairs = np.argwhere(is_edge)
    order = np.argsort(-weights[is_edge], kind="stable")
    return [(int(i), int(j), float(weights[i, j])) for i, j in pairs[order]], directed


def plot_graph(
    weights: np.ndarray, positions: np.ndarray, out: Path, ch_names: Sequence[str] | None = None, title: str = ""
) -> None:
    """Draw a graph (N, N), 0 or more, on the head; the suffix of `out` is the file type.

    `positions` (N, 3) in metres in the head frame; sensors without a position (NaN) are listed below. Of more than
    `MAX_EDGES` edges the strongest are drawn. Raises BadInput where fewer than two sensors have a position.
    """
    names = [canonical_name(name) or name for name in ch_names] if ch_names else [str(i) for i in range(len(weights))]
    located = np.isfinite(positions).all(axis=1)
    if located.sum() < 2:
        raise BadInput(
            f"{out}: {located.sum()} of {len(located)} channels have a position, 2 or more are needed to draw."
        )
    xy = project_to_plane(positions)
    edges, directed = list_edges(np.where(located[:, None] & located, weights, 0.0))
    drawn = edges[:MAX_EDGES]
    total = np.where(located[:, None], weights, 0.0).sum(axis=0)  # of all that listen to a sensor
    area = 12 + 60 * total / max(total.max(), 1e-12)  # square points

    figure = Figure(figsize=(7.5, 6.5), layout="constrained")
    axes = figure.add_subplot()
    _draw_head(axes)
    strengths = _draw_edges(axes, drawn, directed, xy, np.sqrt(area) / 2)
    _draw_sensors(axes, xy, area, located, names)
    width, height = np.maximum(np.abs(xy[located]).max(axis=0) + 0.12, (1.1, 1.15))
    axes.set(xlim=(-width, width), ylim=(-height, height), aspect="equal")
    strongest = f", the {len(drawn)} strongest drawn" if len(drawn) < len(edges) else ""
    edge_line = f"{len(edges)} {'arrows' if directed else 'edges'}{strongest}"
    axes.set_title(f"{title}\n{edge_line}" if title else edge_line, fontsize=11)
    if drawn:
        label = "coupling, from source to listener" if directed else "coupling"
        figure.colorbar(strengths, ax=axes, shrink=0.5, label=label)
    figure.savefig(out, dpi=150)


def _draw_head(axes: Axes) -> None:
    """Draw the outline with nose and ears."""
    axes.axis("off")
    axes.add_patch(Circle((0, 0), 1, fill=False, color=OUTLINE, lw=1.5, zorder=0))
    axes.plot([-0.1, 0, 0.1], [0.995, 1.1, 0.995], color=OUTLINE, lw=1.5, zorder=0)
    turn = np.linspace(-0.45, 0.45, 30) * np.pi
    for side in (-1, 1):
        axes.plot(side * (1 + 0.07 * np.cos(turn)), 0.15 * np.sin(turn), color=OUTLINE, lw=1.5, zorder=0)


def _draw_edges(
    axes: Axes, edges: Sequence[Edge], directed: bool, xy: np.ndarray, radius: np.ndarray
) -> ScalarMappable:
    """Draw arrows or lines, the strongest on top, and return their colour scale; `radius` of the dots in points."""
    weakest, strongest = (edges[-1][2], edges[0][2]) if edges else (0.0, 1.0)
    norm = Normalize(weakest if weakest < strongest else 0.0, strongest)
    # The palest colours of the map would not be visible on white.
    colours = LinearSegmentedColormap.from_list("", colormaps["YlGnBu"](np.linspace(0.25, 1)))
    for rank, (listener, source, weight) in enumerate(reversed(edges)):
        strength = float(norm(weight))
        axes.add_patch(
            FancyArrowPatch(
                tuple(xy[source]),
                tuple(xy[listener]),
                arrowstyle="-|>" if directed else "-",
                mutation_scale=6 + 4 * strength,
                connectionstyle="arc3,rad=0.12" if directed else "arc3,rad=0",
                shrinkA=radius[source],
                shrinkB=radius[listener] + 1,
                lw=0.4 + 2.6 * strength,
                alpha=0.4 + 0.6 * strength,
                color=colours(strength),
                zorder=1 + rank / len(edges),
            )
        )
    return ScalarMappable(norm, colours)


def _draw_sensors(axes: Axes, xy: np.ndarray, area: np.ndarray, located: np.ndarray, names: Sequence[str]) -> None:
    """Draw a dot and a name per sensor; list the sensors without a position below the head."""
    axes.scatter(xy[located, 0], xy[located, 1], s=area[located], color="0.15", edgecolor="white", lw=0.8, zorder=3)
    for i in np.flatnonzero(located).tolist():
        axes.annotate(
            names[i],
            xy[i],
            (0, np.sqrt(area[i]) / 2 + 1.5),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=9 if located.sum() <= MANY_SENSORS else 6.5,
            color="0.1",
            zorder=4,
            path_effects=[withStroke(linewidth=1.2, foreground="white")],
        )
    unlocated = [name for name, has_position in zip(names, located, strict=True) if not has_position]
    if unlocated:
        more = f" and {len(unlocated) - MAX_UNLOCATED} more" if len(unlocated) > MAX_UNLOCATED else ""
        text = f"no position: {', '.join(unlocated[:MAX_UNLOCATED])}{more}"
        axes.text(0.5, 0, text, transform=axes.transAxes, ha="center", fontsize=8)
