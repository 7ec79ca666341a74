import os

from benchmarks.common.worker_process import WorkerProcess


def report_configuration(send, stop):
    send(os.environ.get("LSLAPICFG"))
    stop.wait()
    return "done"


def test_a_worker_uses_our_configuration_of_liblsl(monkeypatch):
    monkeypatch.delenv("LSLAPICFG", raising=False)
    with WorkerProcess(report_configuration) as worker:
        assert worker.next_message().endswith("lsl_api.cfg")
        assert worker.finish() == "done"
