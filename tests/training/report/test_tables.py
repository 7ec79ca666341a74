"""The headline has the figures that apply, with interval, chance and spread."""

from training.report.tables import headline, interval, number, spread

METRICS = {
    "accuracy": 0.75,
    "ci95": [0.6, 0.85],
    "chance": 0.5,
    "majority": 0.5,
    "n_labels": 2,
    "top5": 1.0,
    "chance_top5": 1.0,
    "median_rank": 1.0,
    "chance_median_rank": 1.5,
    "calibration_error": 0.1,
    "split": "valid",
    "decide_p": 0.9,
    "information_transfer": {
        "window_end": {"time_s": 1.0, "bits_per_min": 10.0},
        "early_stopping": {"time_s": 0.5, "bits_per_min": 12.0},
    },
}


def test_figures_that_say_nothing_for_few_labels_are_left_out():
    names = [row[0] for row in headline(METRICS)]
    assert names[0] == "accuracy"
    assert "calibration error (fitted on this split)" in names
    assert not {"top-5", "median rank", "AUC"} & set(names)


def test_rows_have_interval_chance_and_spread():
    seeds = {"accuracy": {"mean": 0.75, "sd": 0.05, "ci95": [0.7, 0.8]}}
    assert headline(METRICS | {"seeds": seeds})[0] == (
        "accuracy",
        "0.750",
        "0.600 to 0.850",
        "0.500",
        "0.750 ± 0.050 (0.700 to 0.800)",
    )


def test_missing_values_are_dashes_or_empty():
    assert (number(None), interval(None), spread(None)) == ("–", "", "")
