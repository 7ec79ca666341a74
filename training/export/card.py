"""The card of a bundle: what it was trained on, how well it does, what it is not for."""

from typing import Any

from training.runs.run import Run

NOTES = {
    "labels": "Trained label prototypes: a space of this bundle's own, not CLIP's.",
    "text": "CLIP text vectors of the labels.",
    "images": "CLIP image vectors of the stimuli.",
}


def card(run: Run, accuracy: dict[str, Any], note: str) -> str:
    """The bundle's card: what it was trained on, how well it does, what it is not for."""
    d = run.description
    files = [
        f"- {split}: {len(part['files'])} recordings, {sum(part['trials'].values())} trials"
        for split, part in d.data.items()
        if part["files"]
    ]
    scores = [
        f"- {split}: accuracy {found['accuracy']:.3f} (95 %: {found['ci95'][0]:.3f} to {found['ci95'][1]:.3f}), "
        f"chance {found['chance']:.3f}, {found['n_trials']} trials"
        for split, found in accuracy.items()
    ]
    trials = run.calibration.n_trials
    return "\n".join(
        [
            f"# {d.name}",
            "",
            f"{note}",
            "",
            f"{len(d.ch_names)} channels at {d.sfreq:g} Hz, {len(d.labels)} labels, network `{d.network['name']}`, "
            f"a decision every {1e3 * d.hop_samples / d.preprocess['sfreq']:.0f} ms, trials of {d.window_s[1]:g} s.",
            "",
            "## Trained on",
            "",
            *files,
            "",
            "## How well it does",
            "",
            *(scores or ["Not measured: the dataset file named no validation or test recordings."]),
            "",
            f"Confidence is calibrated on {trials} validation trials." if trials else "Confidence is not calibrated.",
            "",
            "## Not for",
            "",
            "Diagnosis or any decision about a person's health; other people, montages or tasks than those it was "
            "trained on.",
            "",
        ]
    )
