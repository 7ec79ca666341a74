"""Figures of ranks, compared with random draws and calculated by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluate.intervals import wilson
from training.evaluate.ranking import answered_label, k_way, label_ranks, rank_histogram, ranking_figures


def test_equal_and_nan_probabilities_rank_the_true_label_last():
    """Equal probabilities and NaN count as wrong, not as right."""
    truth = np.array([0, 1, 2])
    assert label_ranks(np.full((3, 3), 1 / 3), truth).tolist() == [2, 2, 2]
    assert label_ranks(np.full((3, 3), np.nan), truth).tolist() == [2, 2, 2]
    assert label_ranks(np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]), truth).tolist() == [0, 1, 2]


def test_the_answer_is_the_best_label_and_none_for_a_tie_or_a_nan():
    rows = np.array([[0.1, 0.7, 0.2], [0.4, 0.4, 0.2], [0.5, np.nan, 0.1], [np.nan] * 3])
    assert answered_label(rows).tolist() == [1, -1, -1, -1]


@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=9), st.data())
def test_the_answer_is_right_exactly_where_the_rank_is_0(rows, data):
    p = np.array(rows, float)
    truth = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(p), max_size=len(p))))
    assert np.array_equal(answered_label(p) == truth, label_ranks(p, truth) == 0)


@pytest.mark.parametrize("k", [2, 3, 7, 12])
def test_k_way_equals_the_mean_over_random_distractors(k):
    """Twelve labels: the true label, at a 0-based rank, beats k - 1 random others."""
    rng = np.random.default_rng(k)
    rank = np.array([0, 1, 1, 4, 11])
    wins = [rng.permutation(11)[: k - 1].min() >= r for r in rank for _ in range(4000)]
    assert k_way(rank, 12, k) == pytest.approx(np.mean(wins), abs=0.015)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 29), min_size=1, max_size=20))
def test_two_way_is_the_relative_rank_and_all_way_is_top_one(ranks):
    rank = np.array(ranks)
    assert k_way(rank, 30, 2) == pytest.approx(1 - rank.mean() / 29)
    assert k_way(rank, 30, 30) == pytest.approx((rank == 0).mean())


def test_guessing_gives_chance_everywhere():
    """Every rank once: exactly what a network that knows nothing gives on average."""
    metrics = ranking_figures(np.arange(40), 40)
    for key in ("top1", "top5", "top10", "median_rank", "map"):
        assert metrics[key] == pytest.approx(metrics["chance" if key == "top1" else f"chance_{key}"], abs=1e-4)
    assert metrics["relative_rank"] == 0.5
    assert all(point["accuracy"] == pytest.approx(point["chance"], abs=1e-4) for point in metrics["k_way"])


def test_ranking_figures_by_hand():
    """Ranks 1, 1, 2, 4, 7 of 8."""
    metrics = ranking_figures(np.array([0, 0, 1, 3, 6]), 8)
    assert (metrics["top1"], metrics["top5"], metrics["top10"]) == (0.4, 0.8, 1.0)
    assert (metrics["chance"], metrics["chance_top5"], metrics["chance_top10"]) == (0.125, 0.625, 1.0)
    assert (metrics["median_rank"], metrics["mean_rank"], metrics["relative_rank"]) == (2, 3, round(10 / 5 / 7, 4))
    assert metrics["map"] == pytest.approx((1 + 1 + 1 / 2 + 1 / 4 + 1 / 7) / 5, abs=1e-4)
    assert metrics["top5_ci95"] == wilson(4, 5)
    assert metrics["map_ci95"][0] < metrics["map"] < metrics["map_ci95"][1]
    assert [point["k"] for point in metrics["k_way"]] == [2, 3, 4, 5, 8]
    assert metrics["k_way"][-1]["accuracy"] == metrics["top1"]


def test_k_way_never_exceeds_the_number_of_labels_nor_200():
    assert [point["k"] for point in ranking_figures(np.array([0]), 2)["k_way"]] == [2]
    assert ranking_figures(np.array([0]), 1000)["k_way"][-1]["k"] == 200


@pytest.mark.parametrize("n_labels", [2, 7, 20, 48, 200, 1203])
def test_every_rank_is_in_one_bin_of_the_histogram(n_labels):
    bins = rank_histogram(np.arange(n_labels), n_labels)
    assert (bins[0]["from"], bins[-1]["to"], len(bins)) == (1, n_labels, min(n_labels, 20))
    assert [b["n"] for b in bins] == [b["to"] - b["from"] + 1 for b in bins]
    assert all(a["to"] + 1 == b["from"] for a, b in zip(bins, bins[1:], strict=False))
