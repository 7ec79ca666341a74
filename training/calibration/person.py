"""A run fitted to one person: what helps on trials it was not fitted on, and only that.

Whatever is compared is compared on the same trials, none of which the fit has seen: the later part of one recording,
or each of several recordings left out in turn.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from realtime.bundle.calibration import Calibration
from realtime.bundle.compatibility import check_recording
from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.calibration.channel_mixing import fit_mixing
from training.calibration.confidence import fit_cued, fit_uncued
from training.data.checks import label_counts, recordings_digest
from training.evaluate.classification import auc
from training.evaluate.decode import DecodedHops, concatenate, decode_recordings
from training.evaluate.encoders import torch_encoder
from training.evaluate.intervals import wilson
from training.evaluate.reliability import calibration_error
from training.evaluate.time_course import trial_answers
from training.runs.run import Run

FIRST_SHARE = 0.6  # of one recording's trials, that the fit sees while it is tested on the others
FEW_LABELS, FEWEST_OF_A_LABEL = 10, 6  # up to so many labels need so many trials each
MIN_TRIALS = 60  # of more labels some may be missing: the mixing is the same for all
# By which the mixing must make the held-out trials likelier: e^3, 20 to 1. Six trials that were a little likelier chose
# a mixing that took fists against feet from 0.80 to 0.73 on another recording.
ENTRY_NATS = 3.0
BEFORE, CONFIDENCE, AFTER = "before calibration", "confidence alone fitted", "after calibration"


@dataclass(frozen=True)
class PersonFit:
    """What came of a calibration."""

    run: Run
    figures: dict[str, dict[str, Any]]  # BEFORE, CONFIDENCE, AFTER -> accuracy, auc, log_loss, ... of the same trials
    mixed: bool  # False: the mixing of channels did not help, so only the confidence is new


def fit_to_person(run: Run, recordings: Sequence[Recording], folder: Path, say: Callable[[str], None]) -> PersonFit:
    """Fit the finished `run` to the person of these recordings; what is made lies in `folder`, stages are said.

    Recordings have the run's channels in its order, and labels for markers. The mixing is kept if it makes trials that
    it was not fitted on clearly likelier, and accuracy does not fall. The confidence is new either way; with a mixing
    it is that of the trials held out, since on those that were fitted a network looks surer than it will be. BadInput
    for another rate, unknown labels, too few trials, and recordings that the run has learned from.
    """
    check_enough_trials(run, recordings)
    window_s, calibration = run.description.window_s, run.calibration
    by_run, by_mixed, uncued = list[DecodedHops](), list[DecodedHops](), list[DecodedHops]()
    parts = folds(recordings)
    for i, (first, held) in enumerate(parts):
        say(f"{i + 1} of {len(parts)}: fitting to {trials(first)} trials, to be judged on {trials(held)} others")
        surer = with_confidence(run, fit_cued(decode_folds(run, first), window_s[1]))
        mixed = fit_mixing(surer, first, folder / f"fold-{i}")
        by_run.append(decode_folds(run, held))
        by_mixed.append(decode_folds(mixed, held))
        uncued.append(decode_folds(mixed, held, cued=False))
    figures = {
        BEFORE: held_out_figures(run, [(concatenate(by_run), calibration)]),
        CONFIDENCE: held_out_figures(run, cross_fit(concatenate(by_run), window_s[1])),
        AFTER: held_out_figures(run, cross_fit(concatenate(by_mixed), window_s[1])),
    }
    plain, after = figures[CONFIDENCE], figures[AFTER]
    gain = (plain["log_loss"] - after["log_loss"]) * plain["n_trials"]
    helps = gain > ENTRY_NATS and after["accuracy"] >= plain["accuracy"]
    what = "channels and confidence" if helps else "the confidence alone, mixing channels did not help"
    say(f"fitting to all {trials(recordings)} trials: {what}")
    everything = decode_folds(run, recordings)
    begin = with_confidence(run, fit_cued(everything, window_s[1]))
    best = fit_mixing(begin, recordings, folder / "all") if helps else run
    cued = concatenate(by_mixed) if helps else everything
    never = concatenate(uncued) if helps else decode_folds(run, recordings, cued=False)
    confidence = replace(
        fit_cued(cued, window_s[1]),
        uncued_log_scale=fit_uncued(never),
        decide_p=calibration.decide_p,
        bad_cost=calibration.bad_cost,
    )
    return PersonFit(personal_run(run, best, recordings, confidence), figures, helps)


def trials(recordings: Sequence[Recording]) -> int:
    """How many trials these hold."""
    return sum(len(recording.markers) for recording in recordings)


def check_enough_trials(run: Run, recordings: Sequence[Recording]) -> None:
    """BadInput where the run cannot decode the recordings, knows them already, or they hold too few trials."""
    d = run.description
    learned_from = d.data.get("train", {}).get("digests", [])
    for recording in recordings:
        if recordings_digest(recording) in learned_from:
            raise BadInput(
                f"{recording.name}: {d.name!r} has learned from this very recording, on which it looks better than it "
                "is; name another"
            )
        check_recording(recording, repr(d.name), d.sfreq, d.labels)
    names = ", ".join(recording.name for recording in recordings)
    counts = label_counts(recordings)
    if len(d.labels) <= FEW_LABELS:
        rarest = min(d.labels, key=lambda label: counts[label])
        if counts[rarest] < FEWEST_OF_A_LABEL:
            raise BadInput(
                f"{names}: {counts[rarest]} trials of {rarest!r} found, {FEWEST_OF_A_LABEL} of each label needed to "
                "calibrate; record longer or correct events"
            )
    elif counts.total() < MIN_TRIALS:
        raise BadInput(f"{names}: {counts.total()} trials found, {MIN_TRIALS} needed to calibrate; record longer")


def folds(recordings: Sequence[Recording]) -> list[tuple[list[Recording], list[Recording]]]:
    """What is fitted and what is held out: of one recording its last trials, of several each in turn.

    The held-out part keeps the signal before it, which the running scale has heard live, too.
    """
    if len(recordings) > 1:
        return [([other for other in recordings if other is not held], [held]) for held in recordings]
    [one] = recordings
    n = round(FIRST_SHARE * len(one.markers))
    return [([replace(one, markers=one.markers[:n])], [replace(one, markers=one.markers[n:])])]


def decode_folds(run: Run, recordings: Sequence[Recording], cued: bool = True) -> DecodedHops:
    """The recordings as `glimpse evaluate` decodes them."""
    network, bank = run.load_trained()
    encode = torch_encoder(network, streaming=False)
    return decode_recordings(
        recordings, run.make_frontend(), bank, encode, cued=cued, bad_channel_factor=run.calibration.bad_channel_factor
    )


def cross_fit(held: DecodedHops, window_s: float) -> list[tuple[DecodedHops, Calibration]]:
    """Every other trial with the confidence fitted to the others, and the other way round.

    Trials that a mixing was fitted to would make it surer than it is.
    """
    even = np.arange(len(held.label)) % 2 == 0
    halves = [replace(held, label=np.where(kept, held.label, -1)) for kept in (even, ~even)]
    return [(half, fit_cued(other, window_s)) for half, other in (halves, halves[::-1])]


def with_confidence(run: Run, calibration: Calibration) -> Run:
    """The same run with another confidence, not written; what bad channels cost it stays."""
    kept = replace(calibration, bad_cost=run.calibration.bad_cost)
    return Run(run.path, replace(run.description, calibration=asdict(kept)))


def held_out_figures(run: Run, parts: Sequence[tuple[DecodedHops, Calibration]]) -> dict[str, Any]:
    """Figures of all held-out trials together; AUC is the mean over labels of one against the others."""
    begin, end = run.description.window_s
    ps, truths = [], []
    for part, calibration in parts:
        kept, rows = trial_answers(part.since_onset_s, part.trial, part.label, (begin, end))
        ps.append(part.p(calibration, end)[rows])
        truths.append(part.label[kept])
    p, truth = np.concatenate(ps), np.concatenate(truths)
    if not len(truth):
        raise BadInput("calibration: no decision falls into window_s of any held-out trial; record longer trials")
    correct = p.argmax(axis=1) == truth
    areas = [auc(p[:, k], truth == k) for k in np.unique(truth) if (truth != k).any()]
    return {
        "accuracy": round(float(correct.mean()), 4),
        "ci95": wilson(int(correct.sum()), len(truth)),
        "chance": round(1 / p.shape[1], 4),
        "n_trials": len(truth),
        "auc": round(float(np.mean(areas)), 4) if areas else None,
        "log_loss": round(float(-np.log(np.maximum(p[np.arange(len(truth)), truth], 1e-12)).mean()), 4),
        "calibration_error": round(calibration_error(p.max(axis=1), correct), 4),
    }


def personal_run(run: Run, best: Run, recordings: Sequence[Recording], confidence: Calibration) -> Run:
    """The run that is left: `best`, which has now learned from these recordings too and may not be tested on them."""
    digests = [recordings_digest(recording) for recording in recordings]
    data = dict(run.description.data)
    train = data.get("train", {"files": [], "trials": {}, "digests": []})
    data["train"] = train | {"digests": [*train["digests"], *digests]}
    data["calibration"] = {
        "files": [Path(recording.name).name for recording in recordings],
        "trials": dict(Counter(label for recording in recordings for _, label in recording.markers)),
        "digests": digests,
    }
    return Run(best.path, replace(best.description, data=data, calibration=asdict(confidence)))
