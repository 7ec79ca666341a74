import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from realtime.child_process import ChildDied, ChildProcess

ROOT = Path(__file__).parents[2]
START_S = 60.0


def burn(seconds, send, stop):
    """Works for `seconds`, then waits until it is stopped."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    send("burnt")
    stop.wait()
    return seconds


def count(n, send, stop):
    for k in range(n):
        send(k)


def fail(send, stop):
    send("before")
    raise ValueError("no such stream")


def die(send, stop):
    os._exit(3)


def ignore_stop(send, stop):
    send("started")
    time.sleep(600)


def send_from_threads(send, stop):
    threads = [threading.Thread(target=lambda: [send("x" * 1000) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return "done"


def test_processor_time_is_measured_per_child():
    with ChildProcess(burn, 1.0) as busy, ChildProcess(burn, 0.0) as idle:
        assert (busy.next_message(START_S), idle.next_message(START_S)) == ("burnt", "burnt")
        assert busy.cpu_s() - idle.cpu_s() > 0.5  # both import the same
        before = busy.cpu_s()
        time.sleep(0.2)
        assert busy.cpu_s() - before < 0.1
        assert busy.finish(START_S) == 1.0


def test_messages_come_in_order_and_once():
    with ChildProcess(count, 5) as child:
        assert child.next_message(START_S) == 0
        assert child.result(START_S) is None
        assert child.ended
        assert child.messages() == [1, 2, 3, 4]
        assert child.messages() == []
        with pytest.raises(ChildDied, match="has ended, there is no message"):
            child.next_message(START_S)


def test_messages_of_several_threads_are_whole():
    with ChildProcess(send_from_threads) as child:
        assert child.result(START_S) == "done"
        assert child.messages() == ["x" * 1000] * 200


def test_an_exception_of_the_child_is_raised_in_the_parent():
    with ChildProcess(fail) as child:
        assert child.next_message(START_S) == "before"
        for _ in range(2):
            with pytest.raises(ValueError, match="no such stream"):
                child.result(START_S)


def test_a_child_that_died_has_no_result():
    with ChildProcess(die) as child, pytest.raises(ChildDied, match="ended without a result"):
        child.result(START_S)
    assert child.messages() == []


def test_a_result_that_does_not_come_in_time_is_a_timeout():
    with ChildProcess(burn, 0.0) as child:
        with pytest.raises(TimeoutError, match="no result within 0.1 s"):
            child.result(0.1)
        child.stop()
        child.stop()
        assert child.result(START_S) == 0.0


def test_leaving_the_block_ends_the_child():
    with ChildProcess(burn, 0.0) as child:
        child.next_message(START_S)
    assert not child.alive
    child.stop()
    child.close()


def test_a_child_that_ignores_stop_is_killed():
    child = ChildProcess(ignore_stop, close_s=0.5)
    child.next_message(START_S)
    started = time.monotonic()
    child.close()
    assert not child.alive
    assert time.monotonic() - started < START_S


def test_ctrl_c_reaches_the_parent_only():
    with ChildProcess(burn, 0.0) as child:
        child.next_message(START_S)
        os.kill(child.pid, signal.SIGINT)
        assert child.finish(START_S) == 0.0


PARENT = """
import sys, time
from tests.realtime.test_child_process import burn
from realtime.child_process import ChildProcess
if __name__ == "__main__":
    child = ChildProcess(burn, 0.0)
    child.next_message(60.0)
    print(child.pid, flush=True)
    time.sleep(60)
"""


def test_a_child_whose_parent_is_killed_ends(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{PARENT}")
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
