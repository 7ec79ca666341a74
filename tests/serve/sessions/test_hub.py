import asyncio
import gc
import json
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from prometheus_client import generate_latest

from realtime.live.messages import ARRAYS, HelloMessage, TrialMessage, status_message
from serve.metrics import Metrics
from serve.protocol.messages import parse_message
from serve.sessions.hub import CACHE_SIZE, Hub, message_text, reading, store
from serve.settings import Settings
from tests.helpers.amplifier_process import decision, info, load

SETTINGS = Settings(bundle=".", keep_messages=64, queue_messages=16)
FLOATS = st.floats(-1e6, 1e6, width=32)


def new_hub(tmp_path, settings=SETTINGS):
    return Hub(HelloMessage.of(info(load(tmp_path)), "s1", "eeg"), settings, Metrics())


def publish_decisions(hub, count):
    rng = np.random.default_rng(0)
    for step in range(count):
        hub.publish(decision(rng, 0, step, 0, 10.0))


def texts(hub, reader, count, arrays=()):
    """The first `count` messages a client is sent."""

    async def take():
        stream = hub.texts(reader, arrays)
        return [json.loads(await anext(stream)) for _ in range(count)]

    return asyncio.run(take())


def test_every_message_parses_as_protocol_1(tmp_path):
    hub = new_hub(tmp_path)
    with reading(hub.events) as reader:
        hub.publish(status_message("s1", "live", "It lives."))
        hub.publish(TrialMessage("s1", 3, 9.5, "T1", None))
        publish_decisions(hub, 20)
        got = texts(hub, reader, 2 + 1 + 16)
    messages = [parse_message(json.dumps(message)) for message in got]
    assert [m.type for m in messages] == ["hello", "status", "dropped", *["decision"] * 16]
    assert messages[2].count == 6
    assert {m.session for m in messages} == {"s1"}


def test_numbers_account_for_every_message(tmp_path):
    """After any message the next one is number seq + 1, or a `dropped` whose count is the jump."""
    hub = new_hub(tmp_path)
    publish_decisions(hub, 5)
    with reading(hub.events, after=2) as reader:
        publish_decisions(hub, 100)
        got = texts(hub, reader, 2 + 1 + 64)
    seen = got[0]["seq"]
    assert seen == 2
    for message in got[2:]:
        assert message["seq"] == seen + message.get("count", 1)
        seen = message["seq"]
    assert seen == 105


def test_a_new_client_gets_the_present_trial_and_state(tmp_path):
    hub = new_hub(tmp_path)
    hub.publish(status_message("s1", "live", "It lives."))
    hub.publish(status_message("s1", "gap", "12 samples were lost."))
    hub.publish(TrialMessage("s1", 3, 9.5, "T1", "owl"))
    with reading(hub.events) as reader:
        hello, status, trial = texts(hub, reader, 3)
    assert (hello["seq"], status["state"], trial["label"]) == (3, "live", "owl")


def test_a_later_client_gets_the_failure_of_the_recording(tmp_path):
    """The moment has passed, yet the session goes on unrecorded."""
    hub = new_hub(tmp_path)
    hub.publish(status_message("s1", "record_failed", "The disk is full."))
    hub.publish(status_message("s1", "live", "It lives."))
    with reading(hub.events) as reader:
        _, status, failed = texts(hub, reader, 3)
    assert (status["state"], failed["state"], failed["detail"]) == ("live", "record_failed", "The disk is full.")
    assert failed["seq"] == 2


def test_messages_after_the_end_reach_no_client_and_no_metric(tmp_path):
    hub = new_hub(tmp_path)
    publish_decisions(hub, 1)
    with reading(hub.events) as reader:
        hub.close()
        publish_decisions(hub, 1)
        hub.publish(status_message("s1", "gap", "12 samples were lost."))
        assert reader.next_now() is None

        async def rest():
            return [json.loads(text)["type"] async for text in hub.texts(reader)]

        assert asyncio.run(rest()) == ["hello", "status"]
    assert "s1" not in generate_latest(hub.metrics.registry).decode()


@given(arrays(np.float32, 16, elements=FLOATS))
def test_an_embedding_is_read_back_unchanged_by_clients_that_request_it(embedding):
    plain = decision(np.random.default_rng(0), 0, 0, 0, 10.0)
    kept = store(replace(plain, embedding=embedding, p=embedding[:3]), 1)
    keys = {field.name for field in fields(plain)}
    assert set(json.loads(message_text(kept))) == keys - {"p", "embedding"}
    assert set(json.loads(message_text(kept, ("p",)))) == keys - {"embedding"}
    both = json.loads(message_text(kept, ARRAYS))
    assert np.array_equal(np.float32(both["embedding"]), embedding)
    assert np.array_equal(np.float32(both["p"]), embedding[:3])


def test_a_text_is_encoded_once_for_all_clients_and_the_cache_is_bounded(tmp_path):
    hub = new_hub(tmp_path, Settings(bundle=".", keep_messages=500))
    for _ in range(3 * CACHE_SIZE):
        publish_decisions(hub, 1)
        seq, kept = hub.events.last, hub.events.items[-1]
        assert hub.text(seq, kept, ARRAYS) is hub.text(seq, kept, ARRAYS)
        assert hub.text(seq, kept, ()) is kept[0]
    assert len(hub.text_cache) == CACHE_SIZE


def test_stored_messages_are_not_tracked_by_the_garbage_collector(tmp_path):
    hub = new_hub(tmp_path)
    publish_decisions(hub, 10)
    gc.collect()
    assert not any(gc.is_tracked(kept) for kept in hub.events.items)


def test_a_message_no_browser_could_read_is_refused(tmp_path):
    hub = new_hub(tmp_path)
    with pytest.raises(ValueError, match="JSON"):
        hub.publish(TrialMessage("s1", 1, float("nan"), "T1", None))
    assert hub.events.last == 0
