import struct

import pytest

# A WebSocket that the test opens, feeds and closes, and a timer that runs at once and notes its delay.
FAKE = """() => {
    window.sockets = [];
    window.delays = [];
    window.WebSocket = class {
        constructor(url) { this.url = url; window.sockets.push(this); }
        close() { this.closed = true; this.onclose(); }
    };
    window.setTimeout = (run, ms) => { window.delays.push(ms); run(); };
}"""
FOLLOW_EVENTS = """async () => {
    const { followEvents } = await import("/static/client.js");
    window.messages = [];
    window.lost = 0;
    window.stop = followEvents("s1", (message) => window.messages.push(message), () => { window.lost += 1; });
}"""
RECEIVE = "(message) => window.sockets.at(-1).onmessage({ data: JSON.stringify(message) })"
LOSE = "() => window.sockets.at(-1).onclose()"


@pytest.fixture
def events(page):
    page.evaluate(FAKE)
    page.evaluate(FOLLOW_EVENTS)
    return page


def urls(page):
    return page.evaluate("() => window.sockets.map(({ url }) => url)")


def test_events_come_parsed_and_in_order(events):
    messages = [{"type": "status", "seq": 1}, {"type": "decision", "seq": 2}]
    for message in messages:
        events.evaluate(RECEIVE, message)
    assert events.evaluate("() => window.messages") == messages
    assert urls(events) == ["ws://page.test/v1/sessions/s1/events"]


def test_reconnection_requests_what_follows_the_last_message(events):
    events.evaluate(RECEIVE, {"type": "hello", "seq": 0, "run": "a"})
    events.evaluate(RECEIVE, {"type": "decision", "seq": 41})
    events.evaluate(LOSE)
    assert urls(events)[1:] == ["ws://page.test/v1/sessions/s1/events?after=41"]
    assert events.evaluate("() => window.lost") == 1


def test_hello_of_the_same_run_is_marked(events):
    for run in ("a", "a", "b"):
        events.evaluate(RECEIVE, {"type": "hello", "seq": 0, "run": run})
    assert events.evaluate("() => window.messages.map(({ sameRun }) => sameRun)") == [False, True, False]


def test_retries_slow_down_until_a_message_arrives(events):
    for _ in range(6):
        events.evaluate(LOSE)
    events.evaluate(RECEIVE, {"type": "status", "seq": 1})
    events.evaluate(LOSE)
    assert events.evaluate("() => window.delays") == [250, 500, 1000, 2000, 4000, 4000, 250]


def test_closed_connection_is_not_reopened(events):
    events.evaluate("() => window.stop()")
    assert events.evaluate("() => window.sockets.map(({ closed }) => closed)") == [True]
    assert events.evaluate("() => [window.lost, window.delays]") == [0, []]


def test_signal_frame_is_parsed(page):
    """First time, rate, number, samples, channels, 0: 32 bytes; then float32."""
    page.evaluate(FAKE)
    buffer = struct.pack("<ddIIII", 12.5, 250.0, 0, 2, 3, 0) + struct.pack("<6f", *range(6))
    frame = page.evaluate(
        """async (bytes) => {
            const { followSignal } = await import("/static/client.js");
            let frame;
            followSignal("s1", (received) => { frame = received; });
            const [socket] = window.sockets;
            socket.onmessage({ data: Uint8Array.from(bytes).buffer });
            return { ...frame, samples: [...frame.samples], url: socket.url, binaryType: socket.binaryType };
        }""",
        list(buffer),
    )
    assert frame == {
        "tFirst": 12.5,
        "sfreq": 250,
        "nTimes": 2,
        "nChannels": 3,
        "samples": [0, 1, 2, 3, 4, 5],
        "url": "ws://page.test/v1/sessions/s1/signal",
        "binaryType": "arraybuffer",
    }
