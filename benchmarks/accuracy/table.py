"""The accuracy bench as a table of methods by tasks, and in sentences that compare Glimpse with the peers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.accuracy.run import Tasks
from benchmarks.peers.classifiers import PEERS

MIN_SHARE_AT_HALF = 0.9  # of the score, that half of the window should give

Figures = dict[str, Any]


def average(tasks: Tasks, method: str) -> float | None:
    """Mean over tasks; None where one of them has no score."""
    means = [metrics[method]["mean"] for metrics in tasks.values()]
    return None if None in means else float(np.mean(means))


def best_method(metrics: dict[str, Figures], methods: Sequence[str]) -> str | None:
    """The method with the highest mean on a task; None where none has a score."""
    scored = [method for method in methods if metrics[method]["mean"] is not None]
    return max(scored, key=lambda method: metrics[method]["mean"], default=None)


def accuracy_table(tasks: Tasks) -> Table:
    """Methods by tasks: mean and standard deviation over seeds; the best peer of each task has a star."""
    own, peers = own_and_peers(tasks)
    table = Table(title="mean and standard deviation over seeds; * the best peer", title_justify="left")
    for column in ("method", *tasks, "average"):
        table.add_column(column, justify="left" if column == "method" else "right")
    starred = {task: best_method(metrics, peers) for task, metrics in tasks.items()}
    for methods in (own, peers):
        for method in methods:
            cells = [_cell(metrics[method], starred[task] == method) for task, metrics in tasks.items()]
            table.add_row(method, *cells, _number(average(tasks, method)))
            halves = [metrics[method]["half_window"] for metrics in tasks.values()]
            if methods is own and any(half is not None for half in halves):
                table.add_row("  at half of the window", *map(_number, halves), style="dim")
        table.add_section()
    return table


def compare_with_peers(tasks: Tasks) -> list[str]:
    """Sentences: what failed, the averages, and the best own method compared with the best peer of each task."""
    own, peers = own_and_peers(tasks)
    sentences = [
        f"{task}, {method}: no score: {figures['error']}"
        for task, metrics in tasks.items()
        for method, figures in metrics.items()
        if figures["mean"] is None
    ]
    averages = {method: mean for method in own + peers if (mean := average(tasks, method)) is not None}
    chosen = max((method for method in own if method in averages), key=averages.__getitem__, default=None)
    if chosen is None:
        return sentences
    own_average = f"on average over {len(tasks)} tasks {chosen} reaches {averages[chosen]:.3f}"
    tops = {task: top for task, metrics in tasks.items() if (top := best_method(metrics, peers))}
    if not tops:
        return [*sentences, own_average]
    single = max((method for method in peers if method in averages), key=averages.__getitem__, default=None)
    best_single = "" if single is None else f", the best single peer, {single}, {averages[single]:.3f}"
    best_each = np.mean([tasks[task][top]["mean"] for task, top in tops.items()])
    sentences.append(f"{own_average}{best_single}; the best peer of each task, chosen afterwards, {best_each:.3f}")
    for task, top in tops.items():
        sentences.append(f"{task}: {_comparison(chosen, tasks[task][chosen], top, tasks[task][top])}")
    return sentences


def own_and_peers(tasks: Tasks) -> tuple[list[str], list[str]]:
    """Glimpse's methods and the peers', in the order of the request."""
    methods = list(next(iter(tasks.values())))
    return [method for method in methods if method not in PEERS], [method for method in methods if method in PEERS]


def _comparison(method: str, own: Figures, peer: str, peers_figures: Figures) -> str:
    gap, sd = own["mean"] - peers_figures["mean"], peers_figures["sd"] or 0.0
    if gap >= 0:
        verdict = f"ahead by {gap:.3f}"
    elif -gap <= sd:
        verdict = f"short by {-gap:.3f}, within the peer's standard deviation of {sd:.3f}"
    else:
        verdict = f"FALLS SHORT by {-gap:.3f}, more than the peer's standard deviation of {sd:.3f}"
    text = f"{method} {own['mean']:.3f}, {peer} {peers_figures['mean']:.3f}: {verdict}"
    if own["half_window"] is not None and own["mean"]:
        share = own["half_window"] / own["mean"]
        enough = "" if share >= MIN_SHARE_AT_HALF else f", LESS than {MIN_SHARE_AT_HALF:.0%}"
        text += f"; half of the window gives {share:.0%}{enough}"
    return text


def _cell(figures: Figures, star: bool) -> str:
    if figures["mean"] is None:
        return "failed"
    spread = "" if figures["sd"] is None else f" ±{figures['sd']:.3f}"
    return f"{figures['mean']:.3f}{spread}" + ("*" if star else "")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
