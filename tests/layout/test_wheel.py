"""The wheel holds everything that a command needs far from the clone, and no package that shadows another library."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"glimpse", "decoder", "training", "realtime", "serve", "benchmarks"}
SOURCES = (*sorted(PACKAGES), "datasets", "bundles", "pyproject.toml", "setup.py", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """Folder of an unpacked wheel, built of a copy of the sources."""
    clone, out = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, clone / name)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(out),
        str(clone),
    ]
    subprocess.run(command, check=True, timeout=200)
    [wheel] = out.glob("glimpse_bci-*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(out / "site")
    return out / "site"


def run(installed: Path, folder: Path, *arguments: str) -> str:
    """What a Python with the unpacked wheel in front of everything else prints, run in `folder`."""
    command = [sys.executable, *arguments]
    environment = os.environ | {"PYTHONPATH": str(installed), "COLUMNS": "200"}
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, timeout=120, capture_output=True, text=True
    ).stdout


def test_wheel_installs_our_packages_and_no_others(installed):
    names = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert names == PACKAGES


def test_wheel_holds_every_data_file_of_its_packages(installed):
    listed = subprocess.run(
        ["git", "ls-files", *sorted(PACKAGES)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout, so there is no list of tracked files")
    tracked = [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    assert [name for name in tracked if not (installed / name).is_file()] == []
    shipped = [*(ROOT / "datasets").glob("*.yaml"), *(ROOT / "bundles" / "demo").iterdir()]
    assert [path for path in shipped if not (installed / "glimpse" / path.relative_to(ROOT)).is_file()] == []


def test_wheel_marks_every_package_as_typed(installed):
    """A type checker ignores the types of a package without the mark, also where another package hands them on."""
    assert [name for name in sorted(PACKAGES) if not (installed / name / "py.typed").is_file()] == []


def test_wheel_lists_its_dataset_files_away_from_the_clone(installed, tmp_path):
    listed = run(installed, tmp_path, "-m", "glimpse", "data", "list")
    assert str(installed / "glimpse" / "datasets") in listed
    assert all(path.name in listed for path in (ROOT / "datasets").glob("*.yaml"))


def test_wheel_decodes_with_its_demo_bundle_away_from_the_clone(installed, tmp_path):
    code = (
        "import numpy as np; from glimpse import Bundle, Decoder; from serve.commands.demo import DEMO_BUNDLE\n"
        "decoder = Decoder(Bundle.load(DEMO_BUNDLE))\n"
        "decisions, _ = decoder.step(np.zeros((500, len(decoder.ch_names))), decoder.start())\n"
        "print(DEMO_BUNDLE, len(decisions))"
    )
    assert run(installed, tmp_path, "-c", code).startswith(str(installed / "glimpse" / "bundles" / "demo"))
