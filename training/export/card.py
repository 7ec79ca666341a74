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
    description = run.description
    files = [
        f"- {split}: {len(content['files'])} recordings, {sum(content['trials'].values())} trials"
        for split, content in description.data.items()
        if content["files"]
    ]
    scores = [
        f"- {split}: accuracy {figures['accuracy']:.3f} (95 %: {figures['ci95'][0]:.3f} to {figures['ci95'][1]:.3f}), "
        f"chance {figures['chance']:.3f}, {figures['n_trials']} trials"
        for split, figures in accuracy.items()
    ]
    trials = run.calibration.n_trials
    hop_ms = 1e3 * description.hop_samples / description.preprocess["sfreq"]
    return "\n".join(
        [
            f"# {description.name}",
            "",
            f"{note}",
            "",
            f"{len(description.ch_names)} channels at {description.sfreq:g} Hz, {len(description.labels)} labels, "
            f"network `{description.network['name']}`, a decision every {hop_ms:.0f} ms, trials of "
            f"{description.window_s[1]:g} s.",
            "",
            "## Trained on",
            "",
            *files,
            "",
            "## How well it does",
            "",
            *(scores or ["Not measured: the dataset file lists no validation or test recordings."]),
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
