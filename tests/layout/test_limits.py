"""What no tracked file may hold, and how long a file may be."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Written in two parts, so that this file does not match itself.
REGISTRIES = [
    "pypi" + ".org",
    "files.python" + "hosted",
    "registry.np" + "mjs",
    "deb." + "debian",
    "archive." + "ubuntu",
    "download.py" + "torch",
    "conda.ana" + "conda",
    "docker" + ".io",
]
MACHINES = ["/ho" + "me/", "/ro" + "ot/", "/wo" + "rk/", "/Us" + "ers/"]
LONGEST = 400


@pytest.fixture(scope="module")
def tracked() -> dict[str, str]:
    """Text of every tracked file; a binary file's is what of it can be read."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout, so there are no tracked files to read")
    texts = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file():
            texts[name] = path.read_bytes().decode("utf-8", errors="replace")
    return texts


@pytest.mark.parametrize("needle", REGISTRIES)
def test_no_file_names_the_address_of_a_package_registry(tracked, needle):
    assert [name for name, text in tracked.items() if needle in text] == []


@pytest.mark.parametrize("needle", MACHINES)
def test_no_file_holds_a_path_of_somebodys_machine(tracked, needle):
    assert [name for name, text in tracked.items() if needle in text] == []


def test_no_source_file_holds_more_than_one_idea_can_fill(tracked):
    sources = {name: text for name, text in tracked.items() if name.endswith((".py", ".js"))}
    long = {name: text.count("\n") for name, text in sources.items() if not name.startswith("tests/")}
    assert [name for name, lines in long.items() if lines > LONGEST] == []


def test_no_test_name_is_longer_than_80_characters(tracked):
    names = [name for text in tracked.values() for name in re.findall(r"^\s*def (test_\w+)", text, re.MULTILINE)]
    assert len(names) > 1000
    assert [name for name in names if len(name) > 80] == []
