"""Who may import whom, and what no file of ours may say."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED = {
    "decoder": set(),
    "realtime": set(),
    "training": {"decoder", "realtime"},
    "serve": {"realtime"},
    "benchmarks": {"decoder", "realtime", "training", "serve"},
}
TORCH = {"torch", "torch_geometric", "onnxscript", "open_clip", "diffusers", "torchvision"}
TORCHLESS = ("realtime", "serve")
WORKER = "_worker.py"  # these run in a process of their own


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(source: str) -> Iterator[tuple[int, str]]:
    """(line, top-level package) of every import in a file, wherever it stands; import_module("...") too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: relative import; write the package's name"
            yield node.lineno, (node.module or "").split(".")[0]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module":
            if node.args and isinstance(node.args[0], ast.Constant):
                yield node.lineno, str(node.args[0].value).split(".")[0]


def test_the_walk_sees_imports_of_every_form():
    source = "import a.b\nfrom c import d\ndef f():\n    import e, g as h\nimport_module('i.j')\nil.import_module('k')"
    assert sorted(name for _, name in imported(source)) == ["a", "c", "e", "g", "i", "k"]


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_run_one_way(package):
    assert files(package)
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files(package)
        for line, name in imported(path.read_text())
        if name in ALLOWED.keys() - ALLOWED[package] - {package}
    ]
    assert not wrong


@pytest.mark.parametrize("package", TORCHLESS)
def test_torch_is_imported_by_worker_processes_only(package):
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files(package)
        if not path.name.endswith(WORKER)
        for line, name in imported(path.read_text())
        if name in TORCH
    ]
    assert not wrong


def test_torch_reaches_neither_realtime_nor_serve_through_anything_they_import():
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for package in TORCHLESS
        for path in files(package)
        if not path.name.endswith(WORKER)
    ]
    script = (
        "import importlib, sys\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module(name)\n"
        f"    assert not {TORCH!r} & sys.modules.keys(), name\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_command_line_imports_nothing_of_a_command_before_it_is_called():
    script = (
        "import sys, glimpse; from glimpse.cli import main; main(['--help'])\n"
        f"assert not {TORCH | {'mne', 'pylsl'}!r} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
