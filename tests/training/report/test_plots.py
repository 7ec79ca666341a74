"""Charts of the report in cases that their figures rarely give."""

from training.report.plots import plot_confusion, plot_training_loss


def test_a_label_with_dollar_signs_is_not_read_as_a_formula():
    svg = plot_confusion({"labels": ["$a$", "b"], "counts": [[1, 0], [0, 1]]})
    assert svg.count(">$a$<") == 2


def test_a_run_of_one_epoch_has_a_chart():
    assert "0.500 in the first epoch" in plot_training_loss([[0.5]])
