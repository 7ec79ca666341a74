"""A process apart: its own bill, its errors told, its end certain."""

import time

import pytest

from benchmarks.common.worker_process import WorkerProcess


def burn(seconds, say, stop):
    """Works for so long, says so, and idles."""
    ended = time.process_time() + seconds
    while time.process_time() < ended:
        pass
    say("burnt")
    stop.wait()
    return seconds


def fail(say, stop):
    raise ValueError("no such stream")


def die(say, stop):
    raise SystemExit


def test_its_processor_time_is_its_own_and_its_result_comes_back():
    with WorkerProcess(burn, 0.3) as busy, WorkerProcess(burn, 0.0) as idle:
        assert (busy.said(), idle.said()) == ("burnt", "burnt")
        assert busy.cpu_s() - idle.cpu_s() > 0.1  # both import the same
        before = busy.cpu_s()
        time.sleep(0.2)
        assert busy.cpu_s() - before < 0.1
        assert busy.stop() == 0.3


def test_what_it_raises_is_raised_here_and_an_end_without_a_word_is_told():
    with WorkerProcess(fail) as failing, pytest.raises(ValueError, match="no such stream"):
        failing.said()
    with WorkerProcess(die) as dying, pytest.raises(RuntimeError, match="without a word"):
        dying.said()


def deaf(say, stop):
    say("deaf")
    time.sleep(600)


def test_where_the_bench_fails_or_is_interrupted_a_process_that_does_not_listen_is_ended_soon():
    began = time.monotonic()
    apart = WorkerProcess(deaf)
    apart.said()
    apart.__exit__(KeyboardInterrupt)
    assert not apart._process.is_alive()
    assert time.monotonic() - began < 40


def test_it_ends_with_its_block():
    with WorkerProcess(burn, 0.0) as apart:
        apart.said()
    assert not apart._process.is_alive()
