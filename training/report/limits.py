"""What a reader must not conclude from the report."""

from typing import Any

from training.report.plots import runs_of

SPLIT_NOTES = {
    "test": "No test recording is used in training, in the choice of a checkpoint or in the calibration. That holds "
    "for one reading only: whoever chooses between several results by their test figures turns them into validation "
    "figures.",
    "valid": "These figures are of that split: its confidence looks better than it will be, and a recipe chosen by it "
    "has learned from it.",
    "train": "These are the recordings it was trained on: the figures show what was memorised, not what is decoded.",
}
ASSUMPTION_NOTES = (
    "Intervals over trials hold for more trials like these, from these recordings. They do not hold for another day, "
    "person, montage or task. The permutation p shuffles labels within a recording: it assumes that trials are "
    "exchangeable there, which they are not in block designs.",
    "Bits a minute are counted from onset to answer, without pauses between trials. They assume that labels are "
    "equally likely and errors evenly spread. Repetitions are added up afterwards, from randomly chosen trials.",
)


def limits(metrics: dict[str, Any]) -> str:
    """Paragraphs on calibration, on the split, and on what intervals and rates assume."""
    n = runs_of(metrics)[0]["calibration_trials"]
    calibrated = f"on {n} trials of the split valid" if n else "on nothing: there were no validation trials"
    texts = (f"Confidence was calibrated {calibrated}. {SPLIT_NOTES[metrics['split']]}", *ASSUMPTION_NOTES)
    return "".join(f"<p>{text}</p>" for text in texts)


def interval_note(metrics: dict[str, Any]) -> str:
    """One line that says what the intervals of the first table are."""
    over = " and, over seeds, mean ± standard deviation with Student's interval" if "seeds" in metrics else ""
    return f"Each trial answers with its last decision in the window. Intervals are 95 % over trials{over}."
