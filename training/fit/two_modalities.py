"""Two recordings of the same stimuli, EEG and MEG say, learned from as one, and what is left afterwards.

A fused run leaves two ordinary runs in its folder, `first` and `second`: the fused network with one modality alone,
which `evaluate` and `export` take as any other. Both together are measured on pairs of validation trials.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from decoder.networks.fusion import MODALITIES, FusionNetwork
from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.calibration.confidence import fit_confidence
from training.data.crops import Crops, crops_of
from training.data.pairs import PairedCrops, pair_trials
from training.data.schema import DatasetFile
from training.data.segments import preprocess_recording
from training.evaluate.whole_windows import window_embeddings
from training.runs.description import RunDescription
from training.runs.recipe import Recipe
from training.runs.run import Run

PAIRS = "pairs.json"


@dataclass(frozen=True)
class Modality:
    """What one of the two dataset files holds."""

    dataset: DatasetFile
    description: RunDescription  # as of a run on it alone
    recordings: dict[str, list[Recording]]

    def crops(self, split: str, lead_s: float) -> Crops:
        """Crops of every trial of a split, labelled by the names in the description."""
        front = Run(self.dataset.path, self.description).front()
        names = self.description.labels
        segments = [s for recording in self.recordings[split] for s in preprocess_recording(recording, front, names)]
        return crops_of(segments, front, self.dataset.window_s, lead_s)


def paired_crops(sides: Sequence[Modality], split: str, recipe: Recipe) -> PairedCrops:
    """Pairs of trials of `split`; BadInput where the two share nothing or differ in their hops."""
    crops = [side.crops(split, recipe.lead_s) for side in sides]
    names = [side.description.labels for side in sides]
    files = [f"files.{split} of {side.dataset.path}" for side in sides]
    return pair_trials(crops[0], crops[1], (names[0], names[1]), (files[0], files[1]), recipe.seed)


def fusion_description(sides: Sequence[Modality], recipe: Recipe) -> RunDescription:
    """The first side's description with a network for the channels of both; BadInput for another network."""
    if recipe.network != "fusion":
        raise BadInput(f"--pair: network {recipe.network} takes one recording; use --network fusion")
    first, second = (side.description for side in sides)
    one, two = first.network["config"], second.network["config"]
    config: dict[str, Any] = one | {
        "n_channels": one["n_channels"] + two["n_channels"],
        "n_first": one["n_channels"],
        "positions": one["positions"] + two["positions"],
    }
    return replace(first, network={"name": "fusion", "config": config}, pair=asdict(second))


def write_single_modality_runs(run: Run, sides: Sequence[Modality]) -> None:
    """Write a run for each modality alone, calibrated on its own validation recordings."""
    saved = run.checkpoint()
    network = run.build()
    if saved is None or not isinstance(network, FusionNetwork):
        raise BadInput(f"{run.path}: holds no fused network; finish `glimpse train --pair` first")
    network.load_state_dict(saved["network"])
    for name, side in zip(MODALITIES, sides, strict=True):
        alone = network.single_modality(name)
        made = {"name": "fusion", "config": asdict(alone.config)}
        description = replace(side.description, network=made, labels=run.description.labels)
        one = Run(run.path / name, description)
        one.save()
        one.save_checkpoint(saved | {"network": alone.state_dict()})
        one.description = replace(description, calibration=asdict(fit_confidence(one, side.recordings["valid"])))
        one.save()


def measure_two_modalities(run: Run, pairs: PairedCrops) -> dict[str, Any]:
    """Accuracy at the end of the window of both modalities together and of each alone, on the same pairs.

    Also written to `pairs.json` in the run's folder.
    """
    saved = run.checkpoint()
    if saved is None:
        raise BadInput(f"{run.path}: the run has no weights; finish `glimpse train --pair` first")
    network = run.build().eval()
    network.load_state_dict(saved["network"])
    rows = torch.nn.functional.normalize(saved["objective"]["prototypes"], dim=-1).numpy()
    n_first = run.description.network["config"]["n_first"]
    heard = {"both": slice(0, 0), "first": slice(n_first, None), "second": slice(0, n_first)}
    found: dict[str, Any] = {"n_pairs": len(pairs.labels), "by_stimulus": pairs.by_stimulus}
    for name, silent in heard.items():
        right = (window_embeddings(network, MaskedPairs(pairs, silent)) @ rows.T).argmax(axis=1) == pairs.labels
        found[name] = float(right.mean())
    (run.path / PAIRS).write_text(json.dumps(found, indent=1) + "\n")
    return found


@dataclass(frozen=True)
class MaskedPairs:
    """Pairs of which some channels hold nothing."""

    pairs: PairedCrops
    silent: slice
    hop_samples: int = 1  # unread: nothing is shifted

    @property
    def labels(self) -> np.ndarray:
        """Label index of each pair."""
        return self.pairs.labels

    def cut(self, index: int, shift: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A pair as `PairedCrops.cut` gives it, less the silent channels."""
        signal, onset, counts = self.pairs.cut(index, shift)
        signal[self.silent] = 0
        return signal, onset, counts
