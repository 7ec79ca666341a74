"""The public face: every name resolves, nothing heavy is loaded for it, and type checkers see it."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from mypy import api

import glimpse

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", glimpse.__all__)
def test_every_public_name_resolves_to_a_documented_object(name):
    value = getattr(glimpse, name)
    assert value.__doc__
    assert value.__name__ == name


def test_an_unknown_name_is_an_attribute_error_and_an_import_error():
    with pytest.raises(AttributeError, match="'glimpse' has no attribute 'Bundel'"):
        _ = glimpse.Bundel
    with pytest.raises(ImportError):
        exec("from glimpse import Bundel")


def test_dir_lists_every_public_name_for_completion():
    assert set(glimpse.__all__) <= set(dir(glimpse))
    assert glimpse.__all__ == sorted(glimpse.__all__)


def test_version_is_that_of_the_distribution():
    assert glimpse.__version__ == version("glimpse-bci")


@pytest.mark.parametrize("name", glimpse.__all__)
def test_importing_a_public_name_loads_neither_torch_nor_liblsl(name):
    code = f"import sys; from glimpse import {name}; sys.exit(bool({{'torch', 'pylsl'}} & sys.modules.keys()))"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_type_checkers_see_the_type_of_every_public_name(tmp_path, monkeypatch):
    file = tmp_path / "user.py"
    file.write_text(
        "import glimpse\n"
        "from glimpse import Bundle, Decoder\n"
        "decoder: Decoder = Decoder(Bundle.load('b'))\n"
        "reveal_type(decoder.step)\n"
        "wrong: int = decoder.bank.names\n" + "".join(f"reveal_type(glimpse.{name})\n" for name in glimpse.__all__)
    )
    monkeypatch.chdir(ROOT)  # where `make check` leaves its cache
    found, errors, _ = api.run([str(file)])
    assert "realtime.decoding.decision.Decision" in found, found + errors
    assert 'Incompatible types in assignment (expression has type "tuple[str, ...]", variable has type "int")' in found
    assert '"Any"' not in found
