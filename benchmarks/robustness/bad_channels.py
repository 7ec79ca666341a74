"""Whether confidence falls with accuracy when data is bad.

The test session of the simulated person, decoded again and again with some channels spoiled from start to end, repaired
or only held; then with seconds lost, and by its artifacts. Prints accuracy, mean confidence (p of the top label) and
expected calibration error (10 bins). Last, random sets of channels gone flat: how far confidence is from accuracy with
what the bundle says that each channel costs, and with equal costs.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from realtime.bundle.bundle import Bundle
from realtime.decoding.decision import Decision
from realtime.decoding.decoder import Decoder
from realtime.preprocess.guard import NonFiniteGuard
from realtime.quality.bad_channels import QualityMarks
from realtime.state import State
from training.data.dataset import load_dataset, load_split

COUNTS, NOISE_UV = (0, 1, 4, 8, 16, 32, 48), 200.0
SET_SIZES, N_SETS = (1, 2, 4, 8, 16, 24, 32), 10
LOST_S, EVERY_S = 1.0, 7.3  # a hole this long, this often
SETTLED_S = 0.4  # since onset; from here on a decision says something


@dataclass(frozen=True)
class Session:
    """What was recorded, and what was seen."""

    samples: np.ndarray
    onsets: list[int]
    labels: list[str]


class GuardOnly:
    """In place of Quality: NaN is held at the last good value, and nothing is flagged or repaired."""

    def __init__(self, n_channels: int):
        self.guard, self.n_channels = NonFiniteGuard(), n_channels

    def start(self) -> State:
        """As of the guard."""
        return self.guard.start(np.zeros(self.n_channels))

    def step(self, x: np.ndarray, state: State) -> tuple[np.ndarray, QualityMarks, State]:
        """As of Quality."""
        y, state = self.guard.step(x, state)
        return y, QualityMarks(np.zeros(x.shape, np.int8), np.zeros(len(x), bool)), state


def corrupt(samples: np.ndarray, kind: str, n: int, order: int = 7) -> np.ndarray:
    """`n` channels spoiled, the first of a random order."""
    rng = np.random.default_rng(order)
    bad, x = rng.permutation(samples.shape[1])[:n], samples.copy()
    x[:, bad] = {"flat": 0.0, "NaN": np.nan, "noise": NOISE_UV * rng.standard_normal((len(x), n))}[kind]
    return x


def with_holes(decoder: Decoder, session: Session) -> list[Decision]:
    """Decisions where a second is lost again and again."""
    state, out, at, onsets = decoder.start(), list[Decision](), 0, session.onsets
    keep, lost = (round(s * decoder.bundle.manifest.sfreq) for s in (EVERY_S, LOST_S))
    while at < len(session.samples):
        decisions, state = decoder.step(session.samples[at : at + keep], state, onsets)
        out, onsets, at, state = out + decisions, [], at + keep + lost, decoder.skip(state, lost)
    return out


def trial_ends(decisions: list[Decision]) -> list[Decision]:
    """The last decision of every trial that came to its end."""
    last = {d.trial: d for d in decisions if d.trial is not None}
    longest = max(d.since_onset_s or 0 for d in decisions)
    return [d for d in last.values() if (d.since_onset_s or 0) > longest - 0.1]


def table_row(decisions: list[Decision], labels: list[str]) -> str:
    """Number of decisions, accuracy, mean confidence, expected calibration error; a row of the table."""
    if not decisions:
        return "0 | | | |"
    right, p = right_and_p(decisions, labels)
    bins = np.minimum((p * 10).astype(int), 9)
    error = sum(abs((right - p)[bins == b].sum()) for b in range(10)) / len(p)
    return f"{len(p)} | {right.mean():.3f} | {p.mean():.3f} | {error:.3f} |"


def right_and_p(decisions: list[Decision], labels: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Of each decision whether it is right, 0 or 1, and its confidence."""
    right = np.array([d.top[0].label == labels[d.trial or 0] for d in decisions], float)
    return right, np.array([d.top[0].p for d in decisions])


def confidence_error(decoder: Decoder, session: Session, n: int) -> tuple[float, str]:
    """Mean accuracy over random sets of `n` flat channels, and by how much confidence is off; cells of the table."""
    accuracy, over = [], []
    for order in range(N_SETS):
        decisions, _ = decoder.step(corrupt(session.samples, "flat", n, order), decoder.start(), session.onsets)
        right, p = right_and_p(trial_ends(decisions), session.labels)
        accuracy.append(right.mean())
        over.append(p.mean() - right.mean())
    return float(np.mean(accuracy)), f"{np.abs(over).mean():.3f} | {max(over):+.3f}"


def main(bundle: str = "bundles/demo", minutes: str = "4") -> None:
    """Print the table, row by row."""
    decoder, plain = Decoder(Bundle.load(bundle)), Decoder(Bundle.load(bundle))
    plain.front.quality = GuardOnly(len(plain.ch_names))  # type: ignore[assignment]
    recording = load_split(load_dataset(Path("datasets/demo.yaml")), "test")[0]
    samples = recording.samples[: round(60 * float(minutes) * recording.sfreq)].astype(float)
    marks = [mark for mark in recording.markers if mark[0] < len(samples)]
    session = Session(samples, [at for at, _ in marks], [label for _, label in marks])
    print("| spoiled | repaired | decisions | accuracy | confidence | calibration error |\n|---|---|---|---|---|---|")
    for kind in ("flat", "NaN", "noise"):
        for n in COUNTS:
            for name, one in (("yes", decoder), ("no", plain)):
                decisions, _ = one.step(corrupt(samples, kind, n), one.start(), session.onsets)
                print(f"| {n} {kind} | {name} | {table_row(trial_ends(decisions), session.labels)}", flush=True)
    clean, _ = decoder.step(samples, decoder.start(), session.onsets)
    for what, decisions in (("gap", with_holes(decoder, session)), ("artifact", clean)):
        late = [d for d in decisions if (d.since_onset_s or 0) >= SETTLED_S]
        for flag in (True, False):
            print(f"| {what} {flag} | | {table_row([d for d in late if getattr(d, what) == flag], session.labels)}")
    manifest = decoder.bundle.manifest
    calibration = replace(manifest.calibration, bad_cost=())
    equal = Decoder(replace(decoder.bundle, manifest=manifest.model_copy(update={"calibration": calibration})))
    print(f"\n| {N_SETS} sets of | accuracy | off, own costs | most too high | off, equal costs | most too high |")
    print("|---|---|---|---|---|---|")
    for n in SET_SIZES:
        accuracy, own = confidence_error(decoder, session, n)
        print(f"| {n} | {accuracy:.3f} | {own} | {confidence_error(equal, session, n)[1]} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
