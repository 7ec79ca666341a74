"""The README's code runs as printed, and what it shows is there."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from training.data.schema import DatasetFile

ROOT = Path(__file__).parents[2]
PACKAGES = ("glimpse", "realtime", "decoder", "training", "serve", "benchmarks")
FOLDERS = ("bundles", "datasets", "docs", "tests")
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_of_the_readme_asserts_its_promise():
    """Run from the repository's root, the example ends without an error."""
    [code] = blocks("python")
    assert "assert" in code
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, check=True, timeout=120)


def test_the_dataset_file_of_the_readme_is_valid():
    [text] = blocks("yaml")
    assert DatasetFile.model_validate(yaml.safe_load(text)).labels == ("both fists", "both feet")


def test_the_tree_of_the_readme_is_the_tree():
    """Every package and room, once, and nothing else."""
    lines = re.findall(r"^    ( *)(\w+)/ ", README.split("## Layout")[1], re.MULTILINE)
    shown, package = list[str](), ""
    for indent, name in lines:
        package = package if indent else name
        shown.append(f"{package}/{name}" if indent else name)
    assert sorted(shown) == sorted([*FOLDERS, *PACKAGES, *(room for package in PACKAGES for room in rooms(package))])


def rooms(package: str) -> list[str]:
    """Folders of a package that hold files, as `package/room`."""
    return [
        f"{package}/{folder.name}"
        for folder in (ROOT / package).iterdir()
        if folder.is_dir() and folder.name != "__pycache__" and any(folder.glob("*.*"))
    ]


def test_no_placeholder_is_left():
    assert re.findall(r"[A-Z]+_[A-Z]+", README.replace("GLIMPSE_DATA", "")) == []


def test_every_command_of_the_readme_exists():
    from glimpse.cli import COMMANDS

    used = set(re.findall(r"(?:^\s*|`)glimpse (\w+)", README, re.MULTILINE))
    assert used
    assert used <= set(COMMANDS)
