"""The pictures of THINGS: their names, the concepts they show, and the pictures that THINGS-EEG2 used.

Concepts are joined by name, never by number: the published sets number one list in two orders, which differ for 20
concepts.
"""

import re
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from realtime.errors import BadInput
from training.data.readers.restricted_pickle import load_arrays

EXEMPLAR = re.compile(r"_\d+[a-z]?$")  # carousel_11s
NUMBER = re.compile(r"^\d{5}_")  # 00001_aardvark
METADATA_PLACES = ("", "image_set", "Image_set", "images", "Image_set/image_set", "osfstorage/image_set")
TRAINING_FOLDERS, TEST_FOLDERS = ("training_images", "train_images"), ("test_images",)
N_TRAINING, N_TEST = 16540, 200


def stem_of(path: str) -> str:
    """Name of a picture without folder and file type, from a path with slashes or backslashes."""
    return PureWindowsPath(path).stem


def concept_of_picture(stem: str) -> str:
    """What a picture of THINGS shows: `carousel_11s` is `carousel`."""
    return EXEMPLAR.sub("", stem)


@dataclass(frozen=True)
class Eeg2Pictures:
    """The pictures of THINGS-EEG2; row i is stimulus code i + 1."""

    training: tuple[str, ...]  # names without file type
    test: tuple[str, ...]
    folder: Path | None  # where the picture files are

    def of(self, subset: str) -> tuple[str, ...]:
        """The pictures of a subset of the set."""
        return self.training if subset == "train" else self.test


def read_eeg2_pictures(root: Path) -> Eeg2Pictures:
    """The list from `image_metadata.npy` in a published folder, or from the folders of the pictures themselves."""
    places = [root / place for place in METADATA_PLACES] + [root.parent / place for place in METADATA_PLACES]
    folder = next((place for place in places if any((place / name).is_dir() for name in TRAINING_FOLDERS)), None)
    file = next((place / "image_metadata.npy" for place in places if (place / "image_metadata.npy").is_file()), None)
    if file is not None:
        return _from_metadata(file, folder)
    if folder is None:
        raise BadInput(
            f"{root}: image_metadata.npy is missing, but it says which picture each code stands for; download it with "
            "the pictures (OSF y63gw) into this folder or into image_set/."
        )
    training = _listed(folder, TRAINING_FOLDERS)
    test = _listed(folder, TEST_FOLDERS)
    if (len(training), len(test)) != (N_TRAINING, N_TEST):
        raise BadInput(
            f"{folder}: holds {len(training)} training and {len(test)} test pictures, but {N_TRAINING} and {N_TEST} "
            "are needed where image_metadata.npy is missing; download that file or the pictures again."
        )
    return Eeg2Pictures(training, test, folder)


def _from_metadata(file: Path, folder: Path | None) -> Eeg2Pictures:
    found = load_arrays(file)
    keys = ("train_img_files", "train_img_concepts", "test_img_files", "test_img_concepts")
    if not isinstance(found, dict) or any(not isinstance(found.get(key), list) for key in keys):
        raise BadInput(f"{file}: needs the lists {', '.join(keys)}, but they are not there; download the file again.")
    for subset in ("train", "test"):
        files, concepts = found[f"{subset}_img_files"], found[f"{subset}_img_concepts"]
        for row, (name, concept) in enumerate(zip(files, concepts, strict=False)):
            if concept_of_picture(stem_of(name)) != NUMBER.sub("", concept):
                raise BadInput(
                    f"{file}: {subset}_img_files has {name!r} at row {row}, but {subset}_img_concepts has {concept!r} "
                    "there; the lists need one order: download the file again."
                )
    return Eeg2Pictures(
        tuple(map(stem_of, found["train_img_files"])), tuple(map(stem_of, found["test_img_files"])), folder
    )


def _listed(folder: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """Pictures in the order of their folders; unzipping may put a folder of the same name inside."""
    for name in names:
        if (folder / name).is_dir():
            return tuple(
                path.stem for path in sorted((folder / name).rglob("*.jpg"), key=lambda p: (p.parent.name, p.name))
            )
    return ()


def picture_files(folder: Path | None) -> dict[str, Path]:
    """Every picture file below a folder, by name without file type; empty without a folder."""
    if folder is None or not folder.is_dir():
        return {}
    kinds = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif"}
    return {path.stem: path for path in sorted(folder.rglob("*")) if path.suffix.lower() in kinds}
