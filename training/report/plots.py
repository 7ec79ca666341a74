"""The charts of the report: each function takes figures and returns an SVG element."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from training.report.chart import (
    LEFT,
    RIGHT,
    WIDTH,
    blank_axes,
    chart_axes,
    draw_band,
    draw_bars,
    draw_dots,
    draw_level,
    draw_line,
    draw_note,
    draw_reference,
    round_ticks,
)
from training.report.inline_svg import ACCENT, INK, ON_ACCENT, TIP, inline_svg

CELL, LARGE_CELL, MATRIX = 34, 84, 240  # of the confusion matrix, units: smallest cell, largest cell, smallest matrix
LABEL_GAP = 34  # units between the labels of two thresholds


def runs_of(metrics: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures of each run that `metrics` summarises."""
    runs: list[dict[str, Any]] = metrics.get("runs", [metrics])
    return runs


def plot_accuracy_over_time(metrics: dict[str, Any]) -> str:
    """Accuracy against seconds since onset."""
    points = metrics["by_time"]
    xs, ys = [p["since_onset_s"] for p in points], [p["accuracy"] for p in points]
    chance = metrics["chance"]
    alt = f"Accuracy rises from {ys[0]:.2f} at {xs[0]:g} s to {ys[-1]:.2f} at {xs[-1]:g} s; chance {chance:g}."
    axes = chart_axes("seconds since onset", "accuracy", (min(0.0, xs[0]), xs[-1]))
    draw_band(axes, xs, metrics["by_time_ci95"])
    draw_level(axes, chance, "chance")
    for run in metrics.get("runs", []):
        draw_line(axes, xs, [p["accuracy"] for p in run["by_time"]], width=1, alpha=0.5)
    draw_line(axes, xs, ys)
    draw_dots(axes, xs, ys, [f"{x:g} s: {y:.3f}" for x, y in zip(xs, ys, strict=True)])
    return inline_svg(axes, alt)


def plot_repetitions(metrics: dict[str, Any]) -> str:
    """Accuracy against the number of trials whose scores are added up."""
    points = metrics["repetitions"]
    xs, ys = [p["k"] for p in points], [p["accuracy"] for p in points]
    alt = f"Accuracy goes from {ys[0]:.2f} with one trial to {ys[-1]:.2f} with {xs[-1]} trials added up."
    axes = chart_axes("trials of one label added up", "accuracy", (1, xs[-1]), x_ticks=_sparse(xs, 1.3), log_x=True)
    draw_band(axes, xs, [p["ci95"] for p in points])
    draw_level(axes, metrics["chance"], "chance")
    draw_line(axes, xs, ys)
    tips = [f"{p['k']} trials: {p['accuracy']:.3f}, {p['n_groups']} separate groups" for p in points]
    draw_dots(axes, xs, ys, tips)
    return inline_svg(axes, alt)


def plot_reliability(metrics: dict[str, Any]) -> str:
    """Accuracy against confidence, one line per run; the diagonal is perfect calibration."""
    alt = f"Accuracy of answers by their confidence; calibration error {metrics['calibration_error']:.3f}."
    axes = chart_axes("confidence", "accuracy", (0, 1))
    draw_reference(axes, [0, 1], [0, 1])
    draw_note(axes, 0.97, 0.85, "calibrated", align="right", above=False)
    runs = runs_of(metrics)
    for run in runs:
        bins = run["reliability"]
        xs, ys = [b["confidence"] for b in bins], [b["accuracy"] for b in bins]
        tips = [f"{b['n']} trials: confidence {b['confidence']:.2f}, accuracy {b['accuracy']:.2f}" for b in bins]
        draw_line(axes, xs, ys)
        draw_dots(axes, xs, ys, tips, [2.5 + 5.5 * (b["n"] / run["n_trials"]) ** 0.5 for b in bins])
        if len(runs) == 1:
            for b in bins:
                draw_note(axes, b["confidence"], b["accuracy"], str(b["n"]), above=b["accuracy"] < 0.93)
    return inline_svg(axes, alt)


def plot_k_way(metrics: dict[str, Any]) -> str:
    """How often the true label is the best of k, with 1 / k as chance."""
    points = metrics["k_way"]
    xs, ys = [p["k"] for p in points], [p["accuracy"] for p in points]
    alt = f"The true label is best of 2 in {ys[0]:.2f} of trials and best of {xs[-1]} in {ys[-1]:.2f}."
    axes = chart_axes("labels to choose from", "right", (2, xs[-1]), x_ticks=_sparse(xs, 1.2), log_x=True)
    draw_reference(axes, xs, [p["chance"] for p in points])
    draw_note(axes, xs[-1], points[-1]["chance"], "chance", align="right")
    draw_line(axes, xs, ys)
    draw_dots(axes, xs, ys, [f"best of {x}: {y:.3f}" for x, y in zip(xs, ys, strict=True)])
    return inline_svg(axes, alt)


def plot_rank_histogram(run: dict[str, Any]) -> str:
    """Trials by the rank of their true label."""
    bins = run["rank_histogram"]
    first = f"{bins[0]['n']} of {run['n_trials']} trials in the first bin"
    alt = f"Rank of the true label: {first}, median {run['median_rank']:g}."
    last = bins[-1]["to"]
    limits, largest = (0.5, last + 0.5), max(b["n"] for b in bins)
    axes = chart_axes("rank of the true label", "trials", limits, (0, largest), x_ticks=_from_one(last))
    tips = [f"ranks {b['from']} to {b['to']}: {b['n']} trials" for b in bins]
    draw_bars(axes, [(b["from"] - 0.5, b["to"] + 0.5) for b in bins], [b["n"] for b in bins], tips)
    return inline_svg(axes, alt)


def plot_early_stopping(metrics: dict[str, Any]) -> str:
    """Accuracy against the mean time of the answer: one line per run, one dot per confidence threshold."""
    runs = runs_of(metrics)
    end = max(point["mean_time_s"] for run in runs for point in run["early_stopping"])
    alt = "Accuracy against the mean time of the answer when answering once confidence reaches a threshold."
    axes = chart_axes("mean time of the answer, seconds", "accuracy", (0, end))
    draw_level(axes, metrics["chance"], "chance")
    for run in runs:
        points = run["early_stopping"]
        xs, ys = [p["mean_time_s"] for p in points], [p["accuracy"] for p in points]
        tips = [f"confidence {p['threshold']:g}: {p['accuracy']:.3f} at {p['mean_time_s']:.2f} s" for p in points]
        draw_line(axes, xs, ys)
        draw_dots(axes, xs, ys, tips)
        if len(runs) == 1:
            _label_thresholds(axes, points, end)
    return inline_svg(axes, alt)


def plot_training_loss(losses: Sequence[Sequence[float]]) -> str:
    """Mean training loss of each epoch, one line per run."""
    largest, epochs = max(max(run) for run in losses), max(len(run) for run in losses)
    alt = f"Training loss from {losses[0][0]:.3f} in the first epoch to {losses[0][-1]:.3f} in the last, {epochs}."
    axes = chart_axes("epoch", "loss", (1, epochs), (0, largest), x_ticks=_from_one(epochs))
    for run in losses:
        draw_line(axes, range(1, len(run) + 1), run)
    return inline_svg(axes, alt)


def plot_confusion(matrix: dict[str, Any]) -> str:
    """The confusion matrix: rows are true labels, columns are answers; darker is a larger share of the row."""
    labels, rows = matrix["labels"], matrix["counts"]
    n_right = sum(row[i] for i, row in enumerate(rows))
    alt = f"Confusion of {len(labels)} labels: {n_right} trials on the diagonal of {sum(map(sum, rows))}."
    cell = max(CELL, min(LARGE_CELL, MATRIX // len(labels)))
    margin, size = 12 + 7 * max(len(name) for name in labels), len(labels) * cell
    axes = blank_axes(margin + size + 6, margin + size + 2, (margin + 4, 2, margin, 2))
    axes.set(xlim=(0, len(labels)), ylim=(len(labels), 0))
    centres, names = [i + 0.5 for i in range(len(labels))], [name.replace("$", r"\$") for name in labels]  # no TeX
    axes.xaxis.tick_top()
    axes.set_xticks(centres, names, rotation=90)
    axes.set_yticks(centres, names)
    axes.tick_params(top=False, pad=6)
    for i, row in enumerate(rows):
        for j, count in enumerate(row):
            share = count / max(sum(row), 1)
            tip = f"{labels[i]} shown, {labels[j]} answered: {count}"
            box = {"alpha": 0.06 + 0.94 * share, "color": ACCENT, "linewidth": 0, "gid": TIP + tip}
            axes.add_patch(Rectangle((j + 1 / cell, i + 1 / cell), 1 - 2 / cell, 1 - 2 / cell, clip_on=False, **box))
            colour = ON_ACCENT if share > 0.5 else INK
            axes.text(j + 0.5, i + 0.5 + 4 / cell, f"{count:g}", ha="center", va="baseline", fontsize=12, color=colour)
    return inline_svg(axes, alt)


def _label_thresholds(axes: Axes, points: Sequence[dict[str, Any]], end: float) -> None:
    """Write the thresholds next to their dots where there is room."""
    gap, last = LABEL_GAP / (WIDTH - LEFT - RIGHT) * end, -end
    for point in points:
        if point["mean_time_s"] - last >= gap:
            last = point["mean_time_s"]
            draw_note(axes, last, point["accuracy"], f"{point['threshold']:g}", above=point["accuracy"] < 0.93)


def _sparse(values: Sequence[float], ratio: float) -> list[float]:
    """The values that are at least `ratio` times their predecessor: ticks with room on a logarithmic axis."""
    return [value for value, before in zip(values, [0, *values], strict=False) if value >= ratio * before]


def _from_one(last: float) -> list[float]:
    """Whole round ticks from 1 to `last`."""
    return [1, *(tick for tick in round_ticks(0, last) if tick > 1 and tick == int(tick))]
