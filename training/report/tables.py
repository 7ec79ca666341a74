"""Tables of figures, for the terminal and for the report."""

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
    """A figure for people; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def headline(found: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """Rows (figure, value, 95 % interval over trials, chance, over seeds), the figures that say something here."""
    seeds, rows = found.get("seeds", {}), []
    for name, key, chance in HEADLINE:
        few = found["n_labels"] <= 5 and key in ("median_rank", "map")
        if key not in found or few or (chance and found[chance] == 1):
            continue
        ends = found.get("ci95" if key == "accuracy" else f"{key}_ci95")
        row = (name, number(found[key]), interval(ends), number(found[chance] if chance else 0.5))
        rows.append((*row, spread(seeds.get(key))))
        if key == "accuracy":
            rows.append(("of always naming the commonest label", number(found["majority"]), "", "", ""))
    for name, key in (
        ("permutation p of the accuracy", "permutation_p"),
        ("permutation p of the AUC", "auc_permutation_p"),
    ):
        if key in found:
            rows.append((name, number(found[key], 4), "", "", ""))
    fitted = " (fitted on this split)" if found["split"] == "valid" else ""
    error = number(found["calibration_error"])
    rows.append((f"calibration error{fitted}", error, "", "", spread(seeds.get("calibration_error"))))
    rates = found["information_transfer"]
    for name, key in (("the window's end", "window_end"), (f"confidence {found['decide_p']:g}", "early_stopping")):
        title = f"bits a minute at {name}, after {rates[key]['time_s']:.2f} s"
        rows.append((title, number(rates[key]["bits_per_min"], 1), "", "0.0", spread(seeds.get(f"bits_per_min_{key}"))))
    return rows


def interval(ends: list[float] | None) -> str:
    """An interval for people."""
    return f"{ends[0]:.3f} to {ends[1]:.3f}" if ends else ""


def spread(over: dict[str, Any] | None) -> str:
    """Mean, standard deviation and interval over seeds."""
    return f"{over['mean']:.3f} ± {over['sd']:.3f} ({interval(over['ci95'])})" if over else ""
