"""The pictures of the report: each takes the figures and gives an SVG with its alternative text."""

from collections.abc import Sequence
from html import escape
from typing import Any

from training.report.svg import Axis, Chart, picture, ticks

SHARE = (0, 0.2, 0.4, 0.6, 0.8, 1)
CELL, LARGE_CELL, MATRIX = 34, 84, 240  # of the confusion matrix, SVG units: cells at least, at most, all of few


def runs_of(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures of each run behind `found`."""
    return found.get("runs", [found])


def over_time(found: dict[str, Any]) -> str:
    """Accuracy against seconds since onset."""
    points = found["by_time"]
    xs, ys = [p["since_onset_s"] for p in points], [p["accuracy"] for p in points]
    alt = f"Accuracy rises from {ys[0]:.2f} at {xs[0]:g} s to {ys[-1]:.2f} at {xs[-1]:g} s; chance {found['chance']:g}."
    low = min(0.0, xs[0])
    chart = Chart(alt, Axis("seconds since onset", low, xs[-1], ticks(low, xs[-1])), Axis("accuracy", 0, 1, SHARE))
    thin = [chart.line(xs, [p["accuracy"] for p in run["by_time"]], "thin") for run in found.get("runs", [])]
    tips = [f"{x:g} s: {y:.3f}" for x, y in zip(xs, ys, strict=True)]
    return chart.svg(
        chart.band(xs, found["by_time_ci95"]),
        chart.level(found["chance"], "chance"),
        *thin,
        chart.line(xs, ys),
        chart.dots(xs, ys, tips),
    )


def repetitions(found: dict[str, Any]) -> str:
    """Accuracy against the number of trials whose evidence is added up."""
    points = found["repetitions"]
    xs, ys = [p["k"] for p in points], [p["accuracy"] for p in points]
    alt = f"Accuracy goes from {ys[0]:.2f} with one trial to {ys[-1]:.2f} with {xs[-1]} trials added up."
    apart = tuple(x for x, before in zip(xs, [0, *xs], strict=False) if x >= 1.3 * before)
    chart = Chart(alt, Axis("trials of one label added up", 1, xs[-1], apart, log=True), Axis("accuracy", 0, 1, SHARE))
    tips = [f"{x} trials: {y:.3f}, {p['n_groups']} groups apart" for x, y, p in zip(xs, ys, points, strict=True)]
    return chart.svg(
        chart.band(xs, [p["ci95"] for p in points]),
        chart.level(found["chance"], "chance"),
        chart.line(xs, ys),
        chart.dots(xs, ys, tips),
    )


def reliability(found: dict[str, Any]) -> str:
    """Accuracy against confidence, a line a run; on the diagonal confidence means what it says."""
    alt = f"Accuracy of answers by their confidence; calibration error {found['calibration_error']:.3f}."
    chart = Chart(alt, Axis("confidence", 0, 1, SHARE), Axis("accuracy", 0, 1, SHARE))
    marks = [chart.line([0, 1], [0, 1], "reference"), chart.note(0.3, 0.3, "as it says", anchor="end")]
    for run in runs_of(found):
        xs, ys = [b["confidence"] for b in run["reliability"]], [b["accuracy"] for b in run["reliability"]]
        tips = [f"{b['n']} trials: sure {b['confidence']:.2f}, right {b['accuracy']:.2f}" for b in run["reliability"]]
        radii = [2.5 + 5.5 * (b["n"] / run["n_trials"]) ** 0.5 for b in run["reliability"]]
        marks += [chart.line(xs, ys), chart.dots(xs, ys, tips, radii)]
        if len(runs_of(found)) == 1:
            counts = [str(b["n"]) for b in run["reliability"]]
            marks += [chart.note(x, y, n, above=y < 0.93) for x, y, n in zip(xs, ys, counts, strict=True)]
    return chart.svg(*marks)


def k_way(found: dict[str, Any]) -> str:
    """How often the truth is best of k, beside 1 / k."""
    points = found["k_way"]
    xs, ys = [p["k"] for p in points], [p["accuracy"] for p in points]
    alt = f"The true label is best of 2 in {ys[0]:.2f} of trials and best of {xs[-1]} in {ys[-1]:.2f}."
    apart = tuple(x for x, before in zip(xs, [0, *xs], strict=False) if x >= 1.2 * before)
    chart = Chart(alt, Axis("labels to choose from", 2, xs[-1], apart, log=True), Axis("right", 0, 1, SHARE))
    return chart.svg(
        chart.line(xs, [p["chance"] for p in points], "reference"),
        chart.note(xs[-1], points[-1]["chance"], "chance", anchor="end"),
        chart.line(xs, ys),
        chart.dots(xs, ys, [f"best of {x}: {y:.3f}" for x, y in zip(xs, ys, strict=True)]),
    )


def rank_histogram(run: dict[str, Any]) -> str:
    """Trials by the rank of their true label."""
    bins = run["rank_histogram"]
    most, last = max(b["n"] for b in bins), bins[-1]["to"]
    first = f"{bins[0]['n']} of {run['n_trials']} trials in the first bin"
    alt = f"Rank of the true label: {first}, median {run['median_rank']:g}."
    rank = Axis("rank of the true label", 0.5, last + 0.5, (1, *(t for t in ticks(0, last) if t > 1)))
    chart = Chart(alt, rank, Axis("trials", 0, most, ticks(0, most)))
    tips = [f"ranks {b['from']} to {b['to']}: {b['n']} trials" for b in bins]
    return chart.svg(chart.bars([(b["from"] - 0.5, b["to"] + 0.5) for b in bins], [b["n"] for b in bins], tips))


def early_stopping(found: dict[str, Any]) -> str:
    """Accuracy against the mean time of the answer, a line a run, a dot a threshold of confidence."""
    runs = runs_of(found)
    end = max(point["mean_time_s"] for run in runs for point in run["early_stopping"])
    alt = "Accuracy against the mean time of the answer when answering once confidence reaches a threshold."
    chart = Chart(alt, Axis("mean time of the answer, seconds", 0, end, ticks(0, end)), Axis("accuracy", 0, 1, SHARE))
    marks = [chart.level(found["chance"], "chance")]
    for run in runs:
        points = run["early_stopping"]
        xs, ys = [p["mean_time_s"] for p in points], [p["accuracy"] for p in points]
        tips = [f"confidence {p['threshold']:g}: {p['accuracy']:.3f} at {p['mean_time_s']:.2f} s" for p in points]
        marks += [chart.line(xs, ys), chart.dots(xs, ys, tips)]
        if len(runs) == 1:
            marks += _thresholds(chart, points)
    return chart.svg(*marks)


def _thresholds(chart: Chart, points: Sequence[dict[str, Any]]) -> list[str]:
    """The thresholds beside their dots, where there is room."""
    marks, last = [], -100.0
    for point in points:
        across = chart.at(point["mean_time_s"], 0)[0]
        if across - last >= 34:
            high = point["accuracy"] < 0.93
            marks.append(chart.note(point["mean_time_s"], point["accuracy"], f"{point['threshold']:g}", above=high))
            last = across
    return marks


def training_loss(losses: Sequence[Sequence[float]]) -> str:
    """Mean training loss of each epoch, a line a run."""
    most, epochs = max(max(run) for run in losses), max(len(run) for run in losses)
    alt = f"Training loss from {losses[0][0]:.3f} in the first epoch to {losses[0][-1]:.3f} in the last, {epochs}."
    epoch = Axis("epoch", 1, epochs, (1, *(t for t in ticks(0, epochs) if t > 1 and t == int(t))))
    chart = Chart(alt, epoch, Axis("loss", 0, most, ticks(0, most)))
    return chart.svg(*(chart.line(list(range(1, len(run) + 1)), run) for run in losses))


def confusion(matrix: dict[str, Any]) -> str:
    """What was named (columns) for what was shown (rows), darker the larger the share of its row."""
    labels, counts = matrix["labels"], matrix["counts"]
    left, top = 16 + 7 * max(len(name) for name in labels), 12 + 7 * max(len(name) for name in labels)
    right = sum(row[i] for i, row in enumerate(counts))
    alt = f"Confusion of {len(labels)} labels: {right} trials on the diagonal of {sum(map(sum, counts))}."
    cell = max(CELL, min(LARGE_CELL, MATRIX // len(labels)))
    middle = cell / 2 + 4
    parts = []
    for i, (name, row) in enumerate(zip(labels, counts, strict=True)):
        y = top + i * cell
        parts.append(f'<text class="tick" x="{left - 8}" y="{y + middle}" text-anchor="end">{escape(name)}</text>')
        turn = f"translate({left + i * cell + middle} {top - 8}) rotate(-90)"
        parts.append(f'<text class="tick" transform="{turn}">{escape(name)}</text>')
        for j, count in enumerate(row):
            share, x = count / max(sum(row), 1), left + j * cell
            tip = f"{name} shown, {labels[j]} named: {count}"
            parts.append(
                f'<rect class="cell" x="{x + 1}" y="{y + 1}" width="{cell - 2}" height="{cell - 2}" '
                f'fill-opacity="{0.06 + 0.94 * share:.2f}"><title>{escape(tip)}</title></rect>'
                f'<text class="{"on" if share > 0.5 else "count"}" x="{x + cell / 2}" y="{y + middle}" '
                f'text-anchor="middle">{count:g}</text>'
            )
    size = len(labels) * cell
    return picture(alt, left + size + 2, top + size + 2, "".join(parts))
