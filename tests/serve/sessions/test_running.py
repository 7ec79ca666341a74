import asyncio

import numpy as np
import pytest

from realtime.live.messages import HelloMessage, TraceFrame
from serve.metrics import Metrics
from serve.protocol.rest import SessionRequest
from serve.sessions.hub import Hub, reading
from serve.sessions.running import RunningSession
from serve.settings import Settings
from tests.helpers.messages import INFO

FRAME = TraceFrame("s1", 1.0, 128.0, np.zeros((2, 3), np.float32))


def new_session() -> RunningSession:
    """To be called in a running event loop."""
    hub = Hub(HelloMessage.of(INFO, "s1", "eeg"), Settings(bundle="."), Metrics())
    return RunningSession(SessionRequest(stream="eeg"), hub)


def test_paused_follows_the_last_status_of_the_engine():
    async def scenario():
        running = new_session()
        seen = [running.paused]
        for state in ("paused", "live", "resumed"):
            running.report_status(state, "A sentence.")
            await asyncio.sleep(0)
            seen.append(running.paused)
            assert running.summary().paused == running.paused
        assert seen == [False, True, True, False]

    asyncio.run(scenario())


@pytest.mark.parametrize("watched", [False, True])
def test_traces_wake_the_event_loop_only_for_a_client_of_them(watched):
    async def scenario():
        running = new_session()
        scheduled = []
        running.loop = type("Loop", (), {"call_soon_threadsafe": lambda self, *call: scheduled.append(call)})()
        before = running.hub.last_samples
        if watched:
            with reading(running.hub.signal):
                running.publish(FRAME)
            assert scheduled == [(running.hub.publish, FRAME)]
        else:
            running.publish(FRAME)
            assert scheduled == []
            assert running.hub.last_samples > before  # the session has fresh samples all the same

    asyncio.run(scenario())
