"""Rows of the table of figures, for the terminal and the report."""

from typing import Any

HEADLINE = (  # figure, key, key of its chance
    ("accuracy", "accuracy", "chance"),
    ("balanced accuracy", "balanced_accuracy", "chance"),
    ("AUC", "auc", None),
    ("top-5", "top5", "chance_top5"),
    ("top-10", "top10", "chance_top10"),
    ("median rank", "median_rank", "chance_median_rank"),
    ("mean average precision", "map", "chance_map"),
)


def number(value: float | None, digits: int = 3) -> str:
    """A rounded figure; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def headline(metrics: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """Rows (figure, value, 95 % interval over trials, chance, over seeds) of the figures that apply."""
    seeds, rows = metrics.get("seeds", {}), []
    for name, key, chance in HEADLINE:
        coarse = metrics["n_labels"] <= 5 and key in ("median_rank", "map")
        if key not in metrics or coarse or (chance and metrics[chance] == 1):
            continue
        ends = metrics.get("ci95" if key == "accuracy" else f"{key}_ci95")
        row = (name, number(metrics[key]), interval(ends), number(metrics[chance] if chance else 0.5))
        rows.append((*row, spread(seeds.get(key))))
        if key == "accuracy":
            rows.append(("of always answering the commonest label", number(metrics["majority"]), "", "", ""))
    for name, key in (
        ("permutation p of the accuracy", "permutation_p"),
        ("permutation p of the AUC", "auc_permutation_p"),
    ):
        if key in metrics:
            rows.append((name, number(metrics[key], 4), "", "", ""))
    fitted = " (fitted on this split)" if metrics["split"] == "valid" else ""
    error = number(metrics["calibration_error"])
    rows.append((f"calibration error{fitted}", error, "", "", spread(seeds.get("calibration_error"))))
    rates = metrics["information_transfer"]
    for name, key in (("the window's end", "window_end"), (f"confidence {metrics['decide_p']:g}", "early_stopping")):
        title = f"bits a minute at {name}, after {rates[key]['time_s']:.2f} s"
        rows.append((title, number(rates[key]["bits_per_min"], 1), "", "0.0", spread(seeds.get(f"bits_per_min_{key}"))))
    return rows


def interval(ends: list[float] | None) -> str:
    """The ends of an interval; empty where there is none."""
    return f"{ends[0]:.3f} to {ends[1]:.3f}" if ends else ""


def spread(over: dict[str, Any] | None) -> str:
    """Mean, standard deviation and interval over seeds; empty where there is one run."""
    return f"{over['mean']:.3f} ± {over['sd']:.3f} ({interval(over['ci95'])})" if over else ""
