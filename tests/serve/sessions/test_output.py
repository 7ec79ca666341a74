import threading
import time

from serve.sessions.output import QUEUE_SIZE, Output


class Kept:
    """A sink that keeps what it is sent, and can be held up."""

    def __init__(self):
        self.got, self.closed, self.free = [], 0, threading.Event()
        self.free.set()

    def send(self, message):
        self.free.wait()
        if message.get("poison"):
            raise OSError("no network")
        self.got.append(message["n"])

    def close(self):
        self.closed += 1


def test_everything_is_sent_in_order_before_the_sink_is_closed():
    sink, lost = Kept(), []
    output = Output("kept", sink, lost.append)
    for n in range(500):
        output.put({"n": n})
    output.close()
    assert sink.got == list(range(500))
    assert (sink.closed, lost) == (1, [])


def test_a_stuck_sink_never_blocks_the_sender_and_loses_its_oldest_messages():
    sink, lost = Kept(), []
    sink.free.clear()
    output = Output("stuck", sink, lost.append)
    output.put({"n": 0})
    while output.waiting:  # the sink has it, and is stuck with it
        time.sleep(0.001)
    for n in range(1, QUEUE_SIZE + 101):
        output.put({"n": n})  # for ever, if it waited: the sink is free again only below
    assert sum(lost) == 100
    sink.free.set()
    output.close()
    assert sink.got == [0, *range(101, QUEUE_SIZE + 101)]


def test_a_sink_that_fails_is_counted_and_gets_what_follows():
    sink, lost = Kept(), []
    output = Output("failing", sink, lost.append)
    for n in range(4):
        output.put({"n": n, "poison": n in (1, 2)})
    output.close()
    assert sink.got == [0, 3]
    assert sum(lost) == 2


def test_nothing_reaches_a_sink_whose_output_has_been_closed(monkeypatch):
    """Neither what an engine says too late, nor what waited behind a sink that was stuck."""
    monkeypatch.setattr("serve.sessions.output.CLOSE_TIMEOUT_S", 0.1)
    sink, lost = Kept(), []
    sink.free.clear()
    output = Output("stuck", sink, lost.append)
    for n in range(4):
        output.put({"n": n})
    while len(output.waiting) > 3:  # the sink has the first, and is stuck with it
        time.sleep(0.001)
    output.close()
    output.put({"n": 4})
    sink.free.set()
    output.thread.join()
    assert (sink.got, sum(lost), sink.closed) == ([0], 3, 1)


def test_closing_a_stuck_sink_takes_bounded_time(monkeypatch):
    monkeypatch.setattr("serve.sessions.output.CLOSE_TIMEOUT_S", 0.2)
    sink = Kept()
    sink.free.clear()
    output = Output("stuck", sink, lambda count: None)
    output.put({"n": 0})
    output.close()  # for ever, if it waited for the sink
    assert sink.closed == 0
    sink.free.set()
    output.thread.join()
    assert sink.closed == 1
