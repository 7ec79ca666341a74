"""Rooms and floors: a room imports only from floors below its own, and no files import each other in a circle."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# From the top floor to the ground. A file directly in a package is a room of its own.
FLOORS = {
    "realtime": [
        {"commands", "live"},
        {"decoding", "simulation", "diagnostics"},
        {"quality", "sources", "bundle", "recordings"},
        {"preprocess", "sensors", "recorder"},
        {"errors", "state", "stream", "markers", "linalg", "child_process", "command_line"},
    ],
    "decoder": [
        {"networks"},
        {"closed_form", "graph", "export"},
        {"layers"},
        {"training_trials"},
        {"streaming", "linalg", "windows", "config"},
    ],
    "training": [
        {"commands"},
        {"fit"},
        {"calibration", "connectivity"},
        {"evaluate", "losses", "export"},
        {"runs"},
        {"data", "report"},
    ],
    "serve": [
        {"commands"},
        {"api"},
        {"sessions", "client"},
        {"settings", "backend", "metrics", "protocol", "security"},
    ],
    "benchmarks": [
        {"commands"},
        {"certify"},
        {"live", "accuracy"},
        {"peers", "networks", "soak"},
        {"common", "zero_shot", "robustness"},
    ],
}


def modules() -> dict[str, Path]:
    """Every module of ours, by its dotted name."""
    found = {}
    for package in ("glimpse", *FLOORS):
        for path in sorted((ROOT / package).rglob("*.py")):
            found[".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imports(path: Path) -> Iterator[str]:
    """Modules of ours that a file imports, wherever the import stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)


GRAPH = {name: set(imports(path)) - {name} for name, path in MODULES.items()}


def floor(module: str) -> int | None:
    """Number of a module's floor from the top; None for the package itself."""
    package, _, rest = module.partition(".")
    if package not in FLOORS or not rest:
        return None
    room = rest.partition(".")[0]
    return next((number for number, rooms in enumerate(FLOORS[package]) if room in rooms), -1)


def test_every_file_stands_in_a_room_with_a_floor():
    assert [name for name in MODULES if floor(name) == -1] == []


@pytest.mark.parametrize("package", FLOORS)
def test_every_room_imports_from_lower_floors_only(package):
    wrong = []
    for name, imported in GRAPH.items():
        for other in imported:
            if name.partition(".")[0] != package or other.partition(".")[0] != package:
                continue
            above, below = floor(name), floor(other)
            same_room = name.split(".")[1:2] == other.split(".")[1:2]
            if above is not None and below is not None and not same_room and below <= above:
                wrong.append(f"{name} imports {other}")
    assert wrong == []


def test_no_files_import_each_other_in_a_circle():
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
