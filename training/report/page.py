"""One page that shows how well a run or a bundle does: figures, pictures, and what they do not say."""

from collections.abc import Callable, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from training.report import plots
from training.report.tables import headline

NAMES = {  # of columns, for people
    "ci95": "95 % interval",
    "bits_per_min": "bits a minute",
    "decided": "share decided",
    "decided_accuracy": "accuracy of those",
    "decided_time_s": "their mean time, s",
    "mean_time_s": "mean time of all, s",
    "n": "trials",
    "n_groups": "groups that share no trial",
    "p_from": "confidence from",
    "p_to": "to",
    "confidence": "mean confidence",
    "since_onset_s": "seconds since onset",
}


def report_page(found: dict[str, Any], losses: Sequence[Sequence[float]] = ()) -> str:
    """The page, whole in itself, from the figures of `glimpse evaluate` and each run's training loss by epoch."""
    runs = plots.runs_of(found)
    n_runs = f"{len(runs)} runs that differ in their seed, means shown" if len(runs) > 1 else runs[0]["path"]
    how = "decoded chunk by chunk, as live" if found["streaming"] else "whole recordings at once, every decision causal"
    if not found["causal"]:
        how = "each window seen whole before the one answer at its end, so not a decoder for live use"
    networks = list(dict.fromkeys(run["network"] for run in runs))  # stacks of other seeds have other weights
    trials, labels = f"{found['n_trials']:g} trials", f"{found['n_labels']} labels"
    sections = [
        _section("Figures", limits_of_chance(found), _headline(found), wide=True),
        *_curves(found),
        *_pictures(found),
        *([_loss(losses)] if any(losses) else []),
        _section("Every number", "", _every_number(found), wide=True),
        _section("What these figures do not say", "", limits(found), wide=True),
    ]
    page = Template((files("training.report") / "report.html").read_text(encoding="utf-8"))
    return page.substitute(
        title=escape(f"{found['dataset']}, {found['split']}: accuracy {found['accuracy']:.3f} of {trials}"),
        about=escape(f"{n_runs}; {labels}, {how}."),
        network=escape(f"Network: {'; '.join(networks)}."),
        sections="\n".join(sections),
    )


def limits_of_chance(found: dict[str, Any]) -> str:
    """What the intervals of the headline are."""
    over = " and, over seeds, mean ± standard deviation with Student's interval" if "seeds" in found else ""
    return f"Each trial answers with its last decision in the window. Intervals are 95 % over trials{over}."


def limits(found: dict[str, Any]) -> str:
    """What a reader must not take from the page."""
    n = plots.runs_of(found)[0]["calibration_trials"]
    calibrated = f"on {n} trials of the split valid" if n else "on nothing: no validation trials were there"
    split = {
        "test": "No test recording takes part in training, in the choice of a checkpoint or in the calibration. That "
        "holds for one reading: choose between several results by their test figures, and they are validation figures.",
        "valid": "This is that split: its confidence looks better than it will be, and whoever chose a recipe by it "
        "has learned from it.",
        "train": "These are the recordings it was trained on: they say what was learned by heart, not what is decoded.",
    }[found["split"]]
    return "".join(
        f"<p>{text}</p>"
        for text in (
            f"Confidence was calibrated {calibrated}. {split}",
            "Intervals over trials hold for more trials like these, from these recordings; not for another day, "
            "person, montage or task. The permutation p shuffles labels within a recording: it takes trials for "
            "exchangeable there, which designs in blocks are not.",
            "Bits a minute count from onset to answer, without pauses between trials, and take labels for equally "
            "likely and errors for evenly spread. Repetitions are added up afterwards, from trials drawn at random.",
        )
    )


def _section(title: str, text: str, content: str, wide: bool = False) -> str:
    kind = ' class="wide"' if wide else ""
    return f"<section{kind}><h2>{escape(title)}</h2>{f'<p>{escape(text)}</p>' if text else ''}{content}</section>"


def _headline(found: dict[str, Any]) -> str:
    columns = ["figure", "value", "95 % interval", "chance", *(["over seeds"] if "seeds" in found else [])]
    return _table(columns, [row[: len(columns)] for row in headline(found)])


def _curves(found: dict[str, Any]) -> list[str]:
    """The sections that are a curve and its table."""
    kept: list[tuple[str, str, str, Callable[[dict[str, Any]], str]]] = [
        (
            "Accuracy since onset",
            "Of the newest decision at each time; none sees later samples. Band: 95 % over trials.",
            "by_time",
            plots.over_time,
        )
    ]
    if len(found["repetitions"]) > 1:
        text = "Evidence of several trials of one label added up. Band: 95 %, from groups that share no trial."
        kept.append(("Accuracy with repetitions", text, "repetitions", plots.repetitions))
    if found["n_labels"] > 2:
        text = "How often the true label is best among k drawn at random."
        kept.append(("Best of k", text, "k_way", plots.k_way))
    return [_section(title, text, plot(found) + _details(found[key])) for title, text, key, plot in kept]


def _pictures(found: dict[str, Any]) -> list[str]:
    """The sections that each run has for itself."""
    runs, sections = plots.runs_of(found), []
    each = "" if len(runs) == 1 else " A line a run."
    text = f"Answering once confidence reaches a threshold, {found['decide_p']:g} if nothing else is said.{each}"
    tables = "".join(_details(run["early_stopping"], _which(runs, run)) for run in runs)
    sections.append(_section("Stopping early", text, plots.early_stopping(found) + tables))
    tables = "".join(_details(run["reliability"], _which(runs, run)) for run in runs)
    beside = "Beside each dot, its trials." if len(runs) == 1 else "A line a run."
    text = f"Right as often as it is sure? The larger a dot, the more trials. {beside}"
    sections.append(_section("Does confidence mean what it says?", text, plots.reliability(found) + tables))
    for run in runs:
        which = _which(runs, run)
        of = f" of {which}" if which else ""
        if run["n_labels"] > 2:
            chart = plots.rank_histogram(run) + _details(run["rank_histogram"])
            sections.append(_section(f"Ranks{of}", "Where the true label stands among all, 1 the best.", chart))
        if "confusion" in run:
            text = "Rows: what was shown; columns: what was named; darker: a larger share of its row."
            sections.append(_section(f"Confusions{of}", text, plots.confusion(run["confusion"]) + _beside(run)))
        elif run["confused_pairs"]:
            text = "Most often confused, with the share of the trials of what was shown."
            sections.append(_section(f"Confused pairs{of}", text, _rows(run["confused_pairs"]), wide=True))
    return sections


def _which(runs: Sequence[dict[str, Any]], run: dict[str, Any]) -> str:
    return run["path"] if len(runs) > 1 else ""


def _beside(run: dict[str, Any]) -> str:
    """What the picture of the matrix leaves out: trials that named nothing, and the pairs in order."""
    matrix = run["confusion"]
    none = _table(["label", "trials"], list(zip(matrix["labels"], map(str, matrix["none_named"]), strict=True)))
    folds = _fold("Trials without one best label", none)
    return folds + (_fold("Pairs most often confused", _rows(run["confused_pairs"])) if run["confused_pairs"] else "")


def _loss(losses: Sequence[Sequence[float]]) -> str:
    text = "Mean of each epoch; the weights are those training ended with."
    told = [run for run in losses if run]
    rows = [(str(i + 1), *(f"{run[i]:g}" if i < len(run) else "–" for run in told)) for i in range(max(map(len, told)))]
    table = _table(["epoch", *(f"run {i + 1}" for i in range(len(told)))], rows)
    return _section("Training loss", text, plots.training_loss(told) + _fold("The numbers", table))


def _every_number(found: dict[str, Any]) -> str:
    """All figures by their key, each run's own folded."""
    parts = [_tables({key: found[key] for key in found if key != "runs"})]
    parts += [_fold(run["path"], _tables(run)) for run in found.get("runs", [])]
    return _fold("By its key in the JSON", "".join(parts))


def _tables(found: dict[str, Any]) -> str:
    """A table of the single figures, and one of each list that holds several figures a row."""
    lists = {key: rows for key, rows in found.items() if isinstance(rows, list) and rows and isinstance(rows[0], dict)}
    rest = {key: value for key, value in found.items() if key not in lists}
    return _table(["figure", "value"], _flat(rest)) + "".join(_fold(key, _rows(rows)) for key, rows in lists.items())


def _flat(value: Any, path: str = "") -> list[tuple[str, str]]:
    """(key, value) of every figure in nested ones."""
    if isinstance(value, dict):
        return [row for key, item in value.items() for row in _flat(item, f"{path}.{key}" if path else key)]
    return [(path, _text(value))]


def _details(rows: list[dict[str, Any]], which: str = "") -> str:
    return _fold(f"The numbers{f' of {which}' if which else ''}", _rows(rows))


def _fold(summary: str, content: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def _rows(rows: list[dict[str, Any]]) -> str:
    keys = list(rows[0])
    return _table([NAMES.get(key, key) for key in keys], [tuple(_text(row[key]) for key in keys) for row in rows])


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ("; " if value and isinstance(value[0], list) else ", ").join(map(_text, value))
    return "–" if value is None else str(value)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
