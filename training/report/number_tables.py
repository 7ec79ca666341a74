"""Tables of every figure, by its key in the JSON."""

from typing import Any

from training.report.html import collapsible, table

COLUMN_NAMES = {
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


def every_number(metrics: dict[str, Any]) -> str:
    """All figures by their key; those of single runs are collapsed."""
    tables = [_tables({key: metrics[key] for key in metrics if key != "runs"})]
    tables += [collapsible(run["path"], _tables(run)) for run in metrics.get("runs", [])]
    return collapsible("By its key in the JSON", "".join(tables))


def _tables(metrics: dict[str, Any]) -> str:
    """One table of the single figures, and one of each list of figures."""
    lists = {
        key: rows for key, rows in metrics.items() if isinstance(rows, list) and rows and isinstance(rows[0], dict)
    }
    rest = {key: value for key, value in metrics.items() if key not in lists}
    tables = [collapsible(key, rows_table(rows)) for key, rows in lists.items()]
    return table(["figure", "value"], _flatten(rest)) + "".join(tables)


def _flatten(value: Any, path: str = "") -> list[tuple[str, str]]:
    """(dotted key, value) of every figure in nested ones."""
    if isinstance(value, dict):
        return [row for key, item in value.items() for row in _flatten(item, f"{path}.{key}" if path else key)]
    return [(path, _cell_text(value))]


def details_table(rows: list[dict[str, Any]], label: str = "") -> str:
    """A collapsed table of the rows behind a chart; `label` names the run where there are several."""
    return collapsible(f"The numbers{f' of {label}' if label else ''}", rows_table(rows))


def rows_table(rows: list[dict[str, Any]]) -> str:
    """A table of rows that have the same keys."""
    keys = list(rows[0])
    return table([COLUMN_NAMES.get(key, key) for key in keys], [[_cell_text(row[key]) for key in keys] for row in rows])


def _cell_text(value: Any) -> str:
    if isinstance(value, list):
        return ("; " if value and isinstance(value[0], list) else ", ").join(map(_cell_text, value))
    return "–" if value is None else str(value)
