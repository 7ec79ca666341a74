import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from realtime.commands.doctor import main, print_findings
from realtime.diagnostics.finding import Finding


def test_a_machine_that_can_decode_passes_and_every_finding_is_written(tmp_path, capsys):
    assert main(["--json", str(tmp_path / "d.json")]) == 0
    rows = {row["check"]: row for row in json.loads((tmp_path / "d.json").read_text())}
    names = ["python", "liblsl", "LSL loopback", "LSL streams", "LSL clock", "onnxruntime", "training", "disk"]
    assert [name for name in rows if not name.startswith("port")] == names
    assert "50 samples" in rows["LSL loopback"]["found"]
    assert "CPU" in rows["onnxruntime"]["found"]
    assert all(row["do"] for row in rows.values() if row["state"] != "ok")
    assert "LSL loopback" in capsys.readouterr().out


def test_without_liblsl_the_command_fails_with_advice(tmp_path):
    """A real pylsl whose library is gone, as its wheel for ARM Linux is."""
    found = find_spec("pylsl")
    assert found is not None
    assert found.origin is not None
    shutil.copytree(Path(found.origin).parent, tmp_path / "pylsl", ignore=shutil.ignore_patterns("liblsl*", "lsl*.dll"))
    environment = {key: value for key, value in os.environ.items() if key != "PYLSL_LIB"}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), str(Path.cwd())])
    report = tmp_path / "d.json"
    done = subprocess.run(
        [sys.executable, "-m", "glimpse", "doctor", "--json", str(report)], env=environment, capture_output=True
    )
    if done.returncode == 0:
        pytest.skip("liblsl is installed system-wide too")
    rows = {row["check"]: row for row in json.loads(report.read_text())}
    assert rows["liblsl"]["state"] == "fail"
    assert "PYLSL_LIB" in rows["liblsl"]["do"]
    assert not {"LSL loopback", "LSL streams", "LSL clock"} & rows.keys()


def test_advice_is_printed_below_the_finding(capsys):
    print_findings([Finding("training", "warn", "not installed: torch", "to train: pip install 'glimpse-bci[train]'")])
    lines = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines() if "│" in line]
    rows = [[cell.strip() for cell in cells] for cells in lines]
    assert rows == [
        ["warn", "training", "not installed: torch"],
        ["", "", "-> to train: pip install 'glimpse-bci[train]'"],
    ]


def test_a_flag_that_does_not_exist_ends_the_command_with_2():
    with pytest.raises(SystemExit) as ended:
        main(["--cure-me"])
    assert ended.value.code == 2
