"""What the documents name exists, and the versions they state agree."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROOT_DOCUMENTS = ("README", "CONTRIBUTING", "CHANGELOG")
DOCUMENTS = [*sorted((ROOT / "docs").glob("*.md")), *(ROOT / f"{name}.md" for name in ROOT_DOCUMENTS)]
FOLDERS = "docs|bundles|datasets|glimpse|serve|decoder|training|realtime|benchmarks|tests"
WRITTEN_BY_THE_READER = {"bundles/fists-feet"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_path_a_document_names_exists(path):
    """Words in capitals stand for a name: `realtime/sources/NAME`."""
    names = re.findall(rf"(?<![\w/.:*-])(?:{FOLDERS})/[\w./-]*\w", path.read_text(encoding="utf-8"))
    ours = [name for name in names if not re.search(r"[A-Z]{3,}", name) and name not in WRITTEN_BY_THE_READER]
    assert [name for name in ours if not (ROOT / name).exists()] == []


def test_every_module_a_document_runs_exists():
    texts = [path.read_text(encoding="utf-8") for path in DOCUMENTS]
    modules = [name for text in texts for name in re.findall(r"python -m ([\w.]+)", text)]
    ours = [name for name in modules if re.match(FOLDERS, name)]
    assert [name for name in ours if not (ROOT / name.replace(".", "/")).with_suffix(".py").exists()] == []


def test_citation_states_the_newest_version_of_the_changelog():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d\S*)\] - (\S+)$", changelog, re.MULTILINE)
    assert (citation["version"], str(citation["date-released"])) == released[0]


def test_changes_since_the_newest_version_are_a_version_of_their_own():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.findall(r"^## \[(\d\S*)\]", changelog, re.MULTILINE)[0]
    assert ("## [Unreleased]" in changelog) == (version != newest)
    assert version.endswith(".dev0") or version == newest
