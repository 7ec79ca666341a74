"""Files that each seed trains on and is scored on: the same for every method, and never one in both."""

from dataclasses import dataclass
from pathlib import Path

from realtime.errors import BadInput
from training.data.dataset import load_dataset
from training.data.schema import DatasetFile, Files
from training.data.split_files import split_files


@dataclass(frozen=True)
class Split:
    """One task, trained on some files and scored on others."""

    dataset: Path
    task: str  # the dataset's name
    seed: int
    train: tuple[str | int, ...]  # files, or seeds of simulated sessions
    held_out: tuple[str | int, ...]

    def load(self) -> DatasetFile:
        """The dataset file with these files as `train` and `test`, and without `valid`, since nothing is chosen."""
        return load_dataset(self.dataset).model_copy(update={"files": Files(train=self.train, test=self.held_out)})


def make_splits(dataset: DatasetFile, seeds: int) -> list[Split]:
    """A split for each seed.

    Where the dataset names `test` files, every seed trains on `train` and is scored on those. Else seed i holds out
    recording i (mod n) of train and valid together and is scored on it.
    """
    entries = {split: _entries(dataset, split) for split in ("train", "valid", "test")}
    pool = entries["train"] + entries["valid"]
    if not entries["test"] and len(pool) < 2:
        raise BadInput(
            f"{dataset.path}: files names {len(pool)} recording, but a bench needs 2 or more to hold one out; add one"
        )
    splits = []
    for seed in range(seeds):
        held_out = entries["test"] or (pool[seed % len(pool)],)
        train = entries["train"] if entries["test"] else tuple(entry for entry in pool if entry not in held_out)
        splits.append(Split(dataset.path.absolute(), dataset.name, seed, train, held_out))
    return splits


def _entries(dataset: DatasetFile, split: str) -> tuple[str | int, ...]:
    if dataset.simulate is not None:
        return tuple(getattr(dataset.files, split))
    return tuple(str(path.absolute()) for path in split_files(dataset, split))
