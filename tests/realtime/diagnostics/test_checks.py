import socket

from realtime.diagnostics import checks as doctor


def test_two_builds_of_onnxruntime_are_an_error_with_advice(tmp_path, monkeypatch):
    for name in ("onnxruntime", "onnxruntime-gpu"):
        folder = tmp_path / f"{name.replace('-', '_')}-9.9.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = doctor.onnxruntime()
    assert (found.state, found.found) == ("fail", "onnxruntime 9.9 and onnxruntime-gpu 9.9 side by side")
    assert found.advice.startswith("pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime")


def test_a_port_in_use_is_a_warning():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        assert doctor.port(number).state == "warn"
    assert doctor.port(number).state == "ok"
