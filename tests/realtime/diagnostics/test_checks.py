import json
import os
import shutil
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import pylsl
import pytest

from realtime.commands.doctor import main, print_findings
from realtime.diagnostics import checks as doctor
from realtime.diagnostics.finding import Finding
from realtime.diagnostics.lsl_checks import liblsl_cure, streams


def test_a_machine_that_can_decode_passes_and_every_row_goes_into_the_json(tmp_path, capsys):
    assert main(["--json", str(tmp_path / "d.json")]) == 0
    rows = {row["check"]: row for row in json.loads((tmp_path / "d.json").read_text())}
    names = ["python", "liblsl", "LSL loopback", "LSL streams", "LSL clock", "onnxruntime", "training", "disk"]
    assert [name for name in rows if not name.startswith("port")] == names
    assert "50 samples" in rows["LSL loopback"]["found"]
    assert "CPU" in rows["onnxruntime"]["found"]
    assert all(row["do"] for row in rows.values() if row["state"] != "ok")
    assert "LSL loopback" in capsys.readouterr().out


def test_without_liblsl_it_fails_says_how_to_get_it_and_skips_what_needs_it(tmp_path):
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


@pytest.mark.parametrize("system", ["Linux", "Darwin", "Windows"])
def test_every_system_has_a_cure_for_a_missing_library(system):
    assert "github.com/sccn/liblsl" in liblsl_cure(system)


def test_what_to_do_is_printed_whole_below_what_was_found(capsys):
    print_findings([Finding("training", "warn", "not installed: torch", "to train: pip install 'glimpse-bci[train]'")])
    lines = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines() if "│" in line]
    rows = [[cell.strip() for cell in cells] for cells in lines]
    assert rows == [
        ["warn", "training", "not installed: torch"],
        ["", "", "-> to train: pip install 'glimpse-bci[train]'"],
    ]


def test_two_streams_with_one_source_id_are_reported():
    source_id = f"twin-{uuid4().hex}"
    outlets = [
        pylsl.StreamOutlet(pylsl.StreamInfo(name, "EEG", 2, 100.0, pylsl.cf_float32, source_id)) for name in ("a", "b")
    ]
    found = streams()
    assert len(outlets) == 2
    assert found.state == "warn"
    assert f"source_id '{source_id}'" in found.advice


def test_two_builds_of_onnxruntime_side_by_side_are_an_error_with_its_cure(tmp_path, monkeypatch):
    for name in ("onnxruntime", "onnxruntime-gpu"):
        folder = tmp_path / f"{name.replace('-', '_')}-9.9.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = doctor.onnxruntime()
    assert (found.state, found.found) == ("fail", "onnxruntime 9.9 and onnxruntime-gpu 9.9 side by side")
    assert found.advice.startswith("pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime")


def test_a_port_that_is_taken_is_reported_and_a_free_one_is_not():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        assert doctor.port(number).state == "warn"
    assert doctor.port(number).state == "ok"


def test_a_flag_that_does_not_exist_ends_the_command_with_2():
    with pytest.raises(SystemExit) as ended:
        main(["--cure-me"])
    assert ended.value.code == 2
