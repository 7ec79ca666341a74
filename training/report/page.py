"""The report: one HTML page with every figure of a run or a bundle."""

from collections.abc import Callable, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from training.report import plots
from training.report.html import collapsible, section, table
from training.report.limits import interval_note, limits
from training.report.number_tables import details_table, every_number, rows_table
from training.report.tables import headline


def report_page(metrics: dict[str, Any], losses: Sequence[Sequence[float]] = ()) -> str:
    """The self-contained page, from the figures of `glimpse evaluate` and each run's training loss by epoch."""
    runs = plots.runs_of(metrics)
    networks = list(dict.fromkeys(run["network"] for run in runs))  # stacks of other seeds have other weights
    trials = f"{metrics['n_trials']:g} trials"
    sections = [
        section("Figures", interval_note(metrics), _headline_table(metrics), wide=True),
        *_curves(metrics),
        _early_stopping(metrics),
        _reliability(metrics),
        *(details for run in runs for details in _details_of_run(run, _run_label(runs, run))),
        *([_loss(losses)] if any(losses) else []),
        section("Every number", "", every_number(metrics), wide=True),
        section("What these figures do not say", "", limits(metrics), wide=True),
    ]
    page = Template((files("training.report") / "report.html").read_text(encoding="utf-8"))
    return page.substitute(
        title=escape(f"{metrics['dataset']}, {metrics['split']}: accuracy {metrics['accuracy']:.3f} of {trials}"),
        about=escape(_subtitle(metrics)),
        network=escape(f"Network: {'; '.join(networks)}."),
        sections="\n".join(sections),
    )


def _subtitle(metrics: dict[str, Any]) -> str:
    """What was evaluated, on how many labels, and how it was decoded."""
    runs = plots.runs_of(metrics)
    what = f"{len(runs)} runs that differ in their seed, means shown" if len(runs) > 1 else runs[0]["path"]
    if not metrics["causal"]:
        how = "one answer at the end of each window, from the whole window, so not a decoder for live use"
    elif metrics["streaming"]:
        how = "decoded chunk by chunk, as live"
    else:
        how = "whole recordings at once, every decision causal"
    return f"{what}; {metrics['n_labels']} labels, {how}."


def _headline_table(metrics: dict[str, Any]) -> str:
    columns = ["figure", "value", "95 % interval", "chance", *(["over seeds"] if "seeds" in metrics else [])]
    return table(columns, [row[: len(columns)] for row in headline(metrics)])


def _curves(metrics: dict[str, Any]) -> list[str]:
    """The sections of one curve and its table each."""
    curves: list[tuple[str, str, str, Callable[[dict[str, Any]], str]]] = [
        (
            "Accuracy since onset",
            "Of the newest decision at each time; none uses later samples. Band: 95 % over trials.",
            "by_time",
            plots.plot_accuracy_over_time,
        )
    ]
    if len(metrics["repetitions"]) > 1:
        text = "Scores of several trials of one label added up. Band: 95 %, from groups that share no trial."
        curves.append(("Accuracy with repetitions", text, "repetitions", plots.plot_repetitions))
    if metrics["n_labels"] > 2:
        text = "How often the true label is best among k chosen at random."
        curves.append(("Best of k", text, "k_way", plots.plot_k_way))
    return [section(title, text, plot(metrics) + details_table(metrics[key])) for title, text, key, plot in curves]


def _early_stopping(metrics: dict[str, Any]) -> str:
    runs = plots.runs_of(metrics)
    lines = "" if len(runs) == 1 else " One line per run."
    text = f"Answering once confidence reaches a threshold, {metrics['decide_p']:g} unless set otherwise.{lines}"
    tables = "".join(details_table(run["early_stopping"], _run_label(runs, run)) for run in runs)
    return section("Stopping early", text, plots.plot_early_stopping(metrics) + tables)


def _reliability(metrics: dict[str, Any]) -> str:
    runs = plots.runs_of(metrics)
    lines = "The number at each dot is its trials." if len(runs) == 1 else "One line per run."
    text = f"Accuracy of the answers at each confidence. The larger a dot, the more trials. {lines}"
    tables = "".join(details_table(run["reliability"], _run_label(runs, run)) for run in runs)
    return section("Does confidence mean what it says?", text, plots.plot_reliability(metrics) + tables)


def _details_of_run(run: dict[str, Any], label: str) -> list[str]:
    """The sections that each run has of its own: ranks and confusions."""
    sections, of_run = [], f" of {label}" if label else ""
    if run["n_labels"] > 2:
        chart = plots.plot_rank_histogram(run) + details_table(run["rank_histogram"])
        sections.append(section(f"Ranks{of_run}", "Rank of the true label among all labels; 1 is best.", chart))
    if "confusion" in run:
        text = "Rows: the label shown; columns: the label answered; darker: a larger share of its row."
        content = plots.plot_confusion(run["confusion"]) + _confusion_tables(run)
        sections.append(section(f"Confusions{of_run}", text, content))
    elif run["confused_pairs"]:
        text = "The most frequent confusions, with their share of the trials of the label shown."
        sections.append(section(f"Confused pairs{of_run}", text, rows_table(run["confused_pairs"]), wide=True))
    return sections


def _run_label(runs: Sequence[dict[str, Any]], run: dict[str, Any]) -> str:
    """The path of a run where the page shows several."""
    return str(run["path"]) if len(runs) > 1 else ""


def _confusion_tables(run: dict[str, Any]) -> str:
    """What the matrix does not show: trials without an answer, and the pairs in order."""
    matrix = run["confusion"]
    unanswered = table(["label", "trials"], list(zip(matrix["labels"], matrix["none_named"], strict=True)))
    pairs = collapsible("Most frequent confusions", rows_table(run["confused_pairs"])) if run["confused_pairs"] else ""
    return collapsible("Trials without one best label", unanswered) + pairs


def _loss(losses: Sequence[Sequence[float]]) -> str:
    text = "Mean of each epoch; the weights are those training ended with."
    runs = [run for run in losses if run]
    rows = [(i + 1, *(f"{run[i]:g}" if i < len(run) else "–" for run in runs)) for i in range(max(map(len, runs)))]
    numbers = table(["epoch", *(f"run {i + 1}" for i in range(len(runs)))], rows)
    return section("Training loss", text, plots.plot_training_loss(runs) + collapsible("The numbers", numbers))
