"""Accuracy and confidence of a bundle when data is bad: confidence must fall with accuracy.

The test session of the simulated person is decoded many times:

- with some channels corrupted from start to end, repaired or only with NaN replaced;
- with a second lost again and again, and at hops with artifacts;
- with random sets of flat channels, with the bundle's own cost of each channel and with equal costs.

Confidence is p of the top label; the calibration error is the expected one over 10 bins.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from realtime.bundle.bundle import Bundle
from realtime.command_line import shipped_folder
from realtime.decoding.decision import Decision
from realtime.decoding.decoder import Decoder
from realtime.preprocess.non_finite_guard import NonFiniteGuard
from realtime.quality.repair import QualityMarks
from realtime.state import State
from serve.commands.demo import DEMO_BUNDLE
from training.data.dataset import load_dataset, load_split

CORRUPTIONS = ("flat", "NaN", "noise")
N_CHANNELS, NOISE_UV = (0, 1, 4, 8, 16, 32, 48), 200.0
SET_SIZES, N_SETS = (1, 2, 4, 8, 16, 24, 32), 10
LOST_S, EVERY_S = 1.0, 7.3  # length of a hole, and signal from one to the next
SETTLED_S = 0.4  # since onset, before which a decision is uncertain

Figures = dict[str, Any]


@dataclass(frozen=True)
class SeenSession:
    """A recording of the simulated person and what was seen in it."""

    samples: np.ndarray  # (n_times, n_channels) microvolts
    onsets: list[int]
    labels: list[str]


class GuardOnly:
    """A repair that replaces NaN by the last good value, flags nothing and interpolates nothing."""

    def __init__(self, n_channels: int):
        self.guard, self.n_channels = NonFiniteGuard(), n_channels

    def start(self) -> State:
        """State before the first sample."""
        return self.guard.start(np.zeros(self.n_channels))

    def resume(self, state: State) -> State:
        """State after lost samples."""
        return state

    def step(self, x: np.ndarray, state: State) -> tuple[np.ndarray, QualityMarks, State]:
        """Samples without NaN, marks without a flag, and the new state."""
        y, state = self.guard.step(x, state)
        return y, QualityMarks(np.zeros(x.shape, np.int8), np.zeros(len(x), bool)), state


def bad_channels(bundle_path: Path | None, minutes: float, say: Callable[[str], None] = print) -> Figures:
    """Figures of a bundle on the first `minutes` of the session: rows for `corrupted`, `flags` and `flat_sets`."""
    bundle = Bundle.load(bundle_path or DEMO_BUNDLE)
    decoder = Decoder(bundle)
    session = load_session(minutes)
    rows = []
    for row in corrupted_rows(decoder, Decoder(bundle, repair=GuardOnly(len(decoder.ch_names))), session):
        rows.append(row)
        say(f"{row['n_channels']} {row['corruption']}, repaired {row['repaired']}: accuracy {row['accuracy']}")
    flags = flag_rows(decoder, session)
    sets = []
    for row in flat_set_rows(decoder, session):
        sets.append(row)
        say(f"{N_SETS} sets of {row['n_channels']} flat channels: accuracy {row['accuracy']}")
    return {"corrupted": rows, "flags": flags, "flat_sets": sets, "minutes": minutes}


def load_session(minutes: float) -> SeenSession:
    """The first `minutes` of the demo's test session."""
    recording = load_split(load_dataset(shipped_folder("datasets") / "demo.yaml"), "test")[0]
    samples = recording.samples[: round(60 * minutes * recording.sfreq)].astype(float)
    markers = [(sample, label) for sample, label in recording.markers if sample < len(samples)]
    return SeenSession(samples, [sample for sample, _ in markers], [label for _, label in markers])


def corrupted_rows(repairing: Decoder, unrepaired: Decoder, session: SeenSession) -> Iterator[Figures]:
    """Figures at trial ends for each corruption and number of channels, with repair and without."""
    for corruption in CORRUPTIONS:
        for n_channels in N_CHANNELS:
            for repaired, decoder in ((True, repairing), (False, unrepaired)):
                samples = corrupt(session.samples, corruption, n_channels)
                decisions, _ = decoder.step(samples, decoder.start(), session.onsets)
                yield {
                    "corruption": corruption,
                    "n_channels": n_channels,
                    "repaired": repaired,
                    **decision_figures(trial_ends(decisions), session.labels),
                }


def flag_rows(decoder: Decoder, session: SeenSession) -> list[Figures]:
    """Figures of decisions with and without a flag: after a gap in a session with holes, and near an artifact."""
    clean, _ = decoder.step(session.samples, decoder.start(), session.onsets)
    rows = []
    for flag, decisions in (("gap", decode_with_holes(decoder, session)), ("artifact", clean)):
        settled = [decision for decision in decisions if (decision.since_onset_s or 0) >= SETTLED_S]
        for value in (True, False):
            flagged = [decision for decision in settled if getattr(decision, flag) == value]
            rows.append({"flag": flag, "value": value, **decision_figures(flagged, session.labels)})
    return rows


def flat_set_rows(decoder: Decoder, session: SeenSession) -> Iterator[Figures]:
    """Accuracy and errors of the confidence over random sets of flat channels, with own and with equal costs."""
    manifest = decoder.bundle.manifest
    calibration = replace(manifest.calibration, bad_cost=())
    equal = Decoder(replace(decoder.bundle, manifest=replace(manifest, calibration=calibration)))
    for n_channels in SET_SIZES:
        accuracy, own_costs = confidence_error(decoder, session, n_channels)
        _, equal_costs = confidence_error(equal, session, n_channels)
        yield {"n_channels": n_channels, "accuracy": accuracy, "own_costs": own_costs, "equal_costs": equal_costs}


def corrupt(samples: np.ndarray, corruption: str, n_channels: int, seed: int = 7) -> np.ndarray:
    """A copy with `n_channels` random channels corrupted; more channels include those of fewer."""
    rng = np.random.default_rng(seed)
    bad, x = rng.permutation(samples.shape[1])[:n_channels], samples.copy()
    values = {"flat": 0.0, "NaN": np.nan, "noise": NOISE_UV * rng.standard_normal((len(x), n_channels))}
    x[:, bad] = values[corruption]
    return x


def decode_with_holes(decoder: Decoder, session: SeenSession) -> list[Decision]:
    """Decisions where a second of samples is lost again and again."""
    state, decisions, begin, onsets = decoder.start(), list[Decision](), 0, session.onsets
    n_times, lost = (round(s * decoder.bundle.manifest.sfreq) for s in (EVERY_S, LOST_S))
    while begin < len(session.samples):
        new, state = decoder.step(session.samples[begin : begin + n_times], state, onsets)
        decisions, onsets, begin = decisions + new, [], begin + n_times + lost
        state = decoder.skip(state, lost)
    return decisions


def trial_ends(decisions: list[Decision]) -> list[Decision]:
    """The last decision of every trial that reached its end."""
    last = {decision.trial: decision for decision in decisions if decision.trial is not None}
    longest = max(decision.since_onset_s or 0 for decision in decisions)
    return [decision for decision in last.values() if (decision.since_onset_s or 0) > longest - 0.1]


def decision_figures(decisions: list[Decision], labels: list[str]) -> Figures:
    """Number of decisions, accuracy, mean confidence and expected calibration error; None where there are none."""
    if not decisions:
        return {"decisions": 0, "accuracy": None, "confidence": None, "calibration_error": None}
    right, p = right_and_p(decisions, labels)
    bins = np.minimum((p * 10).astype(int), 9)
    error = sum(abs((right - p)[bins == b].sum()) for b in range(10)) / len(p)
    return {
        "decisions": len(p),
        "accuracy": round(float(right.mean()), 3),
        "confidence": round(float(p.mean()), 3),
        "calibration_error": round(float(error), 3),
    }


def right_and_p(decisions: list[Decision], labels: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """For each decision 1 if it is right, else 0, and its confidence."""
    right = np.array([decision.top[0].label == labels[decision.trial or 0] for decision in decisions], float)
    return right, np.array([decision.top[0].p for decision in decisions])


def confidence_error(decoder: Decoder, session: SeenSession, n_channels: int) -> tuple[float, Figures]:
    """Mean accuracy over random sets of flat channels, and how far confidence is from accuracy, mean and worst."""
    accuracy, excess = [], []
    for seed in range(N_SETS):
        samples = corrupt(session.samples, "flat", n_channels, seed)
        decisions, _ = decoder.step(samples, decoder.start(), session.onsets)
        right, p = right_and_p(trial_ends(decisions), session.labels)
        accuracy.append(right.mean())
        excess.append(p.mean() - right.mean())
    error = {"mean_error": round(float(np.abs(excess).mean()), 3), "max_excess": round(float(max(excess)), 3)}
    return round(float(np.mean(accuracy)), 3), error


def bad_channels_tables(figures: Figures) -> Iterator[Table]:
    """The three tables of `bad_channels`."""
    columns = ("decisions", "accuracy", "confidence", "calibration error")
    keys = ("decisions", "accuracy", "confidence", "calibration_error")
    corrupted = Table("corrupted channels", "repaired", *columns)
    for row in figures["corrupted"]:
        repaired = "yes" if row["repaired"] else "no"
        corrupted.add_row(f"{row['n_channels']} {row['corruption']}", repaired, *_cells(row, keys))
    yield corrupted
    flags = Table("flag", *columns)
    for row in figures["flags"]:
        flags.add_row(f"{row['flag']} {row['value']}", *_cells(row, keys))
    yield flags
    sets = Table(f"{N_SETS} sets of", "accuracy", "error, own costs", "largest excess", "error, equal costs", "largest")
    for row in figures["flat_sets"]:
        errors = [row[costs][key] for costs in ("own_costs", "equal_costs") for key in ("mean_error", "max_excess")]
        sets.add_row(str(row["n_channels"]), str(row["accuracy"]), *map(str, errors))
    yield sets


def _cells(row: Figures, keys: tuple[str, ...]) -> list[str]:
    return ["-" if row[key] is None else str(row[key]) for key in keys]
