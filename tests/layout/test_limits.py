"""What no tracked file may hold, and how large a folder, a file and a function may be."""

import ast
import re
import statistics
import subprocess
from collections import Counter
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
PACKAGES = ("glimpse", "realtime", "decoder", "training", "serve", "benchmarks")
MAX_FILES, MAX_LINES, MEDIAN_LINES, MAX_FUNCTION_LINES, MAX_TEST_NAME = 14, 300, 120, 50, 80
# Words that a reader of MNE, torch or FastAPI cannot place. CONTRIBUTING.md has the words to use instead.
PRIVATE_WORDS = """
    heard counts inner Evidence evidence trust Front Cue Decider opened asked Pulled wanted told Cuts closed describe
    decider Beside beside Silence Pace Sight sight Seen WaysOut Apart apart Counted untrained lessons taught sides take
    nest named part moments nodes response
""".split()
MAX_PRIVATE_WORDS = 5
# Names in these files that saved states, weights, manifests or reports of earlier versions contain.
SAVED_NAMES = {
    "realtime/decoding/decoder.py": {"evidence"},
    "realtime/decoding/frontend.py": {"told"},
    "realtime/decoding/track_adaptation.py": {"inner"},
    "decoder/networks/matched_filter.py": {"evidence"},
    "decoder/networks/riemann.py": {"moments"},
    "decoder/networks/stgate.py": {"moments", "nodes"},
    "training/evaluate/classification.py": {"counts", "named"},
    "training/report/plots.py": {"counts"},
}


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


def product() -> dict[str, str]:
    """Text of every Python module and page module of the product."""
    paths = [path for package in PACKAGES for kind in ("*.py", "*.js") for path in (ROOT / package).rglob(kind)]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


PRODUCT = product()
MODULES = {name: text for name, text in PRODUCT.items() if name.endswith(".py") and not name.endswith("__init__.py")}


def functions(text: str) -> list[tuple[str, int]]:
    """Name and number of lines of every function in a module."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]
    return [(node.name, (node.end_lineno or 0) - node.lineno + 1) for node in nodes]


def test_no_folder_has_more_than_14_files():
    folders = Counter(name.rpartition("/")[0] for name in MODULES)
    assert {folder: n for folder, n in folders.items() if n > MAX_FILES and folder != "decoder/networks"} == {}


def test_no_file_is_longer_than_300_lines_and_half_are_below_120():
    lines = {name: text.count("\n") for name, text in PRODUCT.items() if not name.endswith("__init__.py")}
    assert {name: n for name, n in lines.items() if n > MAX_LINES} == {}
    assert statistics.median(lines.values()) <= MEDIAN_LINES


def test_no_function_is_longer_than_50_lines():
    found = [(name, *function) for name, text in MODULES.items() for function in functions(text)]
    assert [row for row in found if row[2] > MAX_FUNCTION_LINES] == []


def test_words_that_only_we_would_understand_stay_out_of_the_product():
    words = "|".join(PRIVATE_WORDS)
    pattern = re.compile(rf"(?<![\w.-])_?({words})(?!\w)|(?<=\.)({words})(?!\w)")
    uses = [
        f"{name}:{number}: {line.strip()}"
        for name, text in PRODUCT.items()
        for number, line in enumerate(text.splitlines(), 1)
        for match in pattern.finditer(line)
        if (match[1] or match[2]) not in SAVED_NAMES.get(name, ())
    ]
    assert len(uses) <= MAX_PRIVATE_WORDS, "\n".join(uses)


def test_no_test_name_is_longer_than_80_characters(tracked):
    names = [name for text in tracked.values() for name in re.findall(r"^\s*def (test_\w+)", text, re.MULTILINE)]
    assert len(names) > 1000
    assert [name for name in names if len(name) > MAX_TEST_NAME] == []
