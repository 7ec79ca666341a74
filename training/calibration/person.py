"""Fits a run to one person and keeps a change only if held-out trials improve.

Everything is compared on the same trials, none of which the fit has used: the last trials of one recording, or each of
several recordings left out in turn.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from realtime.bundle.bundle import Bundle
from realtime.bundle.calibration import Calibration
from realtime.bundle.compatibility import check_recording
from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.calibration.channel_mixing import fit_mixing
from training.calibration.confidence import fit_cued, fit_uncued
from training.calibration.held_out_figures import cross_fit, decode_folds, folds, held_out_figures
from training.data.checks import label_counts, recordings_digest
from training.evaluate.decode import DecodedHops, concatenate
from training.export.bundle import export_bundle
from training.runs.run import Run

FEW_LABELS, MIN_TRIALS_OF_A_LABEL = 10, 6  # up to so many labels need so many trials each
MIN_TRIALS = 60  # of more labels some may be missing: the mixing is the same for all
# By which the mixing must make the held-out trials likelier: e^3, 20 to 1. Six trials that were a little likelier chose
# a mixing that took fists against feet from 0.80 to 0.73 on another recording.
ENTRY_NATS = 3.0
BEFORE, CONFIDENCE, AFTER = "before calibration", "confidence alone fitted", "after calibration"


@dataclass(frozen=True)
class PersonFit:
    """The result of a calibration."""

    run: Run
    figures: dict[str, dict[str, Any]]  # BEFORE, CONFIDENCE, AFTER -> accuracy, auc, log_loss, ... of the same trials
    mixed: bool  # False: the mixing of channels did not help, so only the confidence is new


@dataclass(frozen=True)
class HeldOutDecodings:
    """The held-out trials of all folds, decoded before and after the mixing was fitted to the others."""

    original: DecodedHops
    mixed: DecodedHops
    mixed_uncued: DecodedHops


def fit_to_person(run: Run, recordings: Sequence[Recording], folder: Path, report: Callable[[str], None]) -> PersonFit:
    """Fit the finished `run` to the person of these recordings.

    Intermediate runs are written to `folder`; `report` gets one sentence per stage. Recordings have the run's channels
    in its order, and labels for markers. The mixing is kept if it makes held-out trials clearly likelier and
    accuracy does not fall. The confidence is new either way; with a mixing it is fitted to held-out trials, because
    on fitted trials a network is too confident. BadInput for another rate, unknown labels, too few trials, and
    recordings that the run was trained on.
    """
    check_enough_trials(run, recordings)
    end_s = run.description.window_s[1]
    decodings = decode_held_out(run, recordings, folder, report)
    figures = {
        BEFORE: held_out_figures(run, [(decodings.original, run.calibration)]),
        CONFIDENCE: held_out_figures(run, cross_fit(decodings.original, end_s)),
        AFTER: held_out_figures(run, cross_fit(decodings.mixed, end_s)),
    }
    helps = mixing_helps(figures)
    outcome = "channels and confidence" if helps else "the confidence alone, mixing channels did not help"
    report(f"fitting to all {n_trials(recordings)} trials: {outcome}")
    everything = decode_folds(run, recordings)
    confidence_fit = with_confidence(run, fit_cued(everything, end_s))
    best = fit_mixing(confidence_fit, recordings, folder / "all") if helps else run
    cued = decodings.mixed if helps else everything
    uncued = decodings.mixed_uncued if helps else decode_folds(run, recordings, cued=False)
    confidence = replace(
        fit_cued(cued, end_s),
        uncued_log_scale=fit_uncued(uncued),
        decide_p=run.calibration.decide_p,
        bad_cost=run.calibration.bad_cost,
    )
    return PersonFit(personal_run(run, best, recordings, confidence), figures, helps)


def decode_held_out(
    run: Run, recordings: Sequence[Recording], folder: Path, report: Callable[[str], None]
) -> HeldOutDecodings:
    """Fit the mixing on each fold, and decode the trials that the fold holds out."""
    original, mixed, uncued = list[DecodedHops](), list[DecodedHops](), list[DecodedHops]()
    pairs = folds(recordings)
    for i, (first, held_out) in enumerate(pairs):
        report(
            f"{i + 1} of {len(pairs)}: fitting to {n_trials(first)} trials, to be judged on {n_trials(held_out)} others"
        )
        confidence_fit = with_confidence(run, fit_cued(decode_folds(run, first), run.description.window_s[1]))
        mixing_fit = fit_mixing(confidence_fit, first, folder / f"fold-{i}")
        original.append(decode_folds(run, held_out))
        mixed.append(decode_folds(mixing_fit, held_out))
        uncued.append(decode_folds(mixing_fit, held_out, cued=False))
    return HeldOutDecodings(concatenate(original), concatenate(mixed), concatenate(uncued))


def mixing_helps(figures: dict[str, dict[str, Any]]) -> bool:
    """Whether the mixing makes held-out trials clearly likelier, at no loss of accuracy."""
    plain, after = figures[CONFIDENCE], figures[AFTER]
    gain_nats = (plain["log_loss"] - after["log_loss"]) * plain["n_trials"]
    return bool(gain_nats > ENTRY_NATS and after["accuracy"] >= plain["accuracy"])


def n_trials(recordings: Sequence[Recording]) -> int:
    """Number of trials in the recordings."""
    return sum(len(recording.markers) for recording in recordings)


def check_enough_trials(run: Run, recordings: Sequence[Recording]) -> None:
    """BadInput where the run cannot decode the recordings or was trained on them, or where trials are too few."""
    description = run.description
    trained_on = description.data.get("train", {}).get("digests", [])
    for recording in recordings:
        if recordings_digest(recording) in trained_on:
            raise BadInput(
                f"{recording.name}: {description.name!r} has learned from this very recording, on which it looks "
                "better than it is; name another"
            )
        check_recording(recording, repr(description.name), description.sfreq, description.labels)
    names = ", ".join(recording.name for recording in recordings)
    trials_of = label_counts(recordings)
    if len(description.labels) <= FEW_LABELS:
        rarest = min(description.labels, key=lambda label: trials_of[label])
        if trials_of[rarest] < MIN_TRIALS_OF_A_LABEL:
            raise BadInput(
                f"{names}: {trials_of[rarest]} trials of {rarest!r} found, {MIN_TRIALS_OF_A_LABEL} of each label "
                "needed to calibrate; record longer or correct events"
            )
    elif trials_of.total() < MIN_TRIALS:
        raise BadInput(f"{names}: {trials_of.total()} trials found, {MIN_TRIALS} needed to calibrate; record longer")


def with_confidence(run: Run, calibration: Calibration) -> Run:
    """The same run with another confidence, not written; the costs of bad channels stay."""
    combined = replace(calibration, bad_cost=run.calibration.bad_cost)
    return Run(run.path, replace(run.description, calibration=asdict(combined)))


def personal_run(run: Run, best: Run, recordings: Sequence[Recording], confidence: Calibration) -> Run:
    """The run `best` with this confidence; it is now trained on these recordings too and may not be tested on them."""
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


def export_personal_bundle(fitted: PersonFit, origin: dict[str, str], out: Path) -> Bundle:
    """The bundle, whose manifest and card give its origin (kind -> sha256), the person's recordings and the figures."""
    description = fitted.run.description
    calibration = description.data["calibration"]
    kind, digest = next(iter(origin.items()))
    note = (
        f"Fitted to the person of {', '.join(calibration['files'])} ({sum(calibration['trials'].values())} trials), "
        f"from {kind} {description.name} {digest}; "
        + ("channels mixed anew." if fitted.mixed else "weights as they were, confidence alone is new.")
    )
    run = Run(fitted.run.path, replace(description, made_from=description.made_from | origin))
    names = (BEFORE, AFTER if fitted.mixed else CONFIDENCE)
    return export_bundle(run, out, {name: fitted.figures[name] for name in names}, note)
