"""One small experiment, trained and exported once for all tests that read its run and bundle."""

from pathlib import Path
from typing import NamedTuple

import pytest

from glimpse import cli
from tests.helpers.rhythm_dataset import write_experiment
from tests.helpers.shared import made_once


class Experiment(NamedTuple):
    """Where things lie; tests leave them as they are."""

    data: Path
    run: Path
    bundle: Path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """Trained and exported through the command line."""

    def make(folder: Path) -> None:
        data, run = write_experiment(folder), folder / "run"
        assert cli.main(["train", "--data", str(data), "--out", str(run), "--epochs", "10"]) == 0
        assert cli.main(["export", str(run), "--out", str(folder / "bundle"), "--data", str(data)]) == 0

    folder = made_once(tmp_path_factory, "rhythms", make)
    return Experiment(folder / "rhythms.yaml", folder / "run", folder / "bundle")
