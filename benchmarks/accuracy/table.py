"""The accuracy bench in words: a table of methods by tasks, and plainly where ours stands or falls short."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.accuracy.run import Tasks
from benchmarks.peers.classifiers import PEERS

KEPT_AT_HALF = 0.9  # share of the score that half of the window has to give

Figures = dict[str, Any]


def average(tasks: Tasks, method: str) -> float | None:
    """Mean over tasks, None where one of them has no score."""
    means = [found[method]["mean"] for found in tasks.values()]
    return None if None in means else float(np.mean(means))


def best(found: dict[str, Figures], methods: Sequence[str]) -> str | None:
    """The method with the highest mean on a task."""
    scored = [method for method in methods if found[method]["mean"] is not None]
    return max(scored, key=lambda method: found[method]["mean"], default=None)


def table_of(tasks: Tasks) -> Table:
    """Methods by tasks: mean and standard deviation over seeds, the best peer of each task starred."""
    ours, peers = own_and_peers(tasks)
    table = Table(title="mean and standard deviation over seeds; * the best peer", title_justify="left")
    for column in ("method", *tasks, "average"):
        table.add_column(column, justify="left" if column == "method" else "right")
    starred = {task: best(found, peers) for task, found in tasks.items()}
    for side, methods in enumerate((ours, peers)):
        for method in methods:
            cells = [_cell(found[method], starred[task] == method) for task, found in tasks.items()]
            table.add_row(method, *cells, _number(average(tasks, method)))
            halves = [found[method]["half_window"] for found in tasks.values()]
            if side == 0 and any(half is not None for half in halves):
                table.add_row("  at half of the window", *map(_number, halves), style="dim")
        table.add_section()
    return table


def verdict(tasks: Tasks) -> list[str]:
    """Sentences: what failed, the averages, and where the best of ours falls short of the best peer of a task."""
    ours, peers = own_and_peers(tasks)
    said = [
        f"{task}, {method}: no score: {figures['error']}"
        for task, found in tasks.items()
        for method, figures in found.items()
        if figures["mean"] is None
    ]
    averages = {method: mean for method in ours + peers if (mean := average(tasks, method)) is not None}
    chosen = max((method for method in ours if method in averages), key=averages.__getitem__, default=None)
    if chosen is None:
        return said
    mine = f"on average over {len(tasks)} tasks {chosen} reaches {averages[chosen]:.3f}"
    tops = {task: top for task, found in tasks.items() if (top := best(found, peers))}
    if not tops:
        return [*said, mine]
    single = max((method for method in peers if method in averages), key=averages.__getitem__, default=None)
    beside = "" if single is None else f", the best single peer, {single}, {averages[single]:.3f}"
    each = np.mean([tasks[task][top]["mean"] for task, top in tops.items()])
    said.append(f"{mine}{beside}; the best peer of each task, chosen afterwards, {each:.3f}")
    for task, top in tops.items():
        said.append(f"{task}: {_beside(chosen, tasks[task][chosen], top, tasks[task][top])}")
    return said


def own_and_peers(tasks: Tasks) -> tuple[list[str], list[str]]:
    """Our methods and the peers', in the order asked for."""
    methods = list(next(iter(tasks.values())))
    return [method for method in methods if method not in PEERS], [method for method in methods if method in PEERS]


def _beside(method: str, mine: Figures, peer: str, its: Figures) -> str:
    gap, sd = mine["mean"] - its["mean"], its["sd"] or 0.0
    if gap >= 0:
        stands = f"ahead by {gap:.3f}"
    elif -gap <= sd:
        stands = f"short by {-gap:.3f}, within the peer's standard deviation of {sd:.3f}"
    else:
        stands = f"FALLS SHORT by {-gap:.3f}, more than the peer's standard deviation of {sd:.3f}"
    text = f"{method} {mine['mean']:.3f} beside {peer} {its['mean']:.3f}: {stands}"
    if mine["half_window"] is not None and mine["mean"]:
        share = mine["half_window"] / mine["mean"]
        enough = "" if share >= KEPT_AT_HALF else f", LESS than {KEPT_AT_HALF:.0%}"
        text += f"; half of the window keeps {share:.0%}{enough}"
    return text


def _cell(figures: Figures, star: bool) -> str:
    if figures["mean"] is None:
        return "failed"
    spread = "" if figures["sd"] is None else f" ±{figures['sd']:.3f}"
    return f"{figures['mean']:.3f}{spread}" + ("*" if star else "")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
