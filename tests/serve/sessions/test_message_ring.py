import asyncio

from hypothesis import given
from hypothesis import strategies as st

from serve.sessions.message_ring import MessageRing
from tests.helpers.waiting import PATIENCE_S

STEPS = st.lists(st.one_of(st.just("publish"), st.tuples(st.just("read"), st.integers(0, 2))), max_size=200)


def read(reader, got):
    """Take one message and append what it says was lost, then itself."""
    taken = reader.next_now()
    if taken is not None:
        got.append(taken)


@given(STEPS, st.integers(1, 12), st.integers(1, 12))
def test_any_interleaving_keeps_order_and_counts_losses_exactly(steps, keep, lag):
    ring, published = MessageRing(keep, lag), []
    readers, got = [ring.join() for _ in range(3)], [[], [], []]
    for step in steps:
        if step == "publish":
            published.append(f"message {len(published) + 1}")
            assert ring.publish(published[-1]) == len(published)
        else:
            read(readers[step[1]], got[step[1]])
    for reader, taken in zip(readers, got, strict=True):
        while len(taken) < len(published) and reader.seen < ring.last:
            read(reader, taken)
        seen = 0
        for lost, seq, item in taken:
            assert lost >= 0
            assert seq == seen + lost + 1
            assert item == published[seq - 1]
            seen = seq
        assert seen == len(published)
        assert sum(lost for lost, _, _ in taken) + len(taken) == len(published)


@given(st.integers(0, 40), st.integers(1, 20), st.integers(0, 45))
def test_a_resumed_reader_gets_the_whole_ring_and_the_number_of_lost_messages(n_messages, keep, after):
    ring = MessageRing(keep, allowed_lag=1)
    for seq in range(1, n_messages + 1):
        ring.publish(seq)
    reader, got, lost = ring.join(after), [], 0
    while taken := reader.next_now():
        got.append(taken.item)
        lost += taken.lost
    missed = max(0, n_messages - after)
    assert got == list(range(n_messages + 1 - min(missed, keep), n_messages + 1))
    assert lost == missed - len(got)


def test_a_reader_within_the_allowed_lag_loses_nothing():
    ring = MessageRing(size=100, allowed_lag=10)
    reader = ring.join()
    for burst in range(20):
        for _ in range(10):
            ring.publish(burst)
        assert [reader.next_now().lost for _ in range(10)] == [0] * 10
    assert reader.next_now() is None


def test_a_slow_reader_does_not_affect_the_others():
    ring = MessageRing(size=8, allowed_lag=4)
    slow, quick = ring.join(), ring.join()
    for seq in range(1, 51):
        ring.publish(seq)
        assert quick.next_now() == (0, seq, seq)
    assert slow.next_now() == (46, 47, 47)


def test_readers_wait_and_end_when_the_ring_closes():
    async def scenario():
        ring, got = MessageRing(8, 8), []

        async def read_all():
            async for taken in ring.join():
                got.append(taken.item)

        reading = asyncio.create_task(read_all())
        await asyncio.sleep(0.01)
        ring.publish("a")
        while not got:
            await asyncio.sleep(0.01)
        assert got == ["a"]
        ring.publish("b")
        ring.close()
        await asyncio.wait_for(reading, PATIENCE_S)
        assert got == ["a", "b"]

    asyncio.run(scenario())


def test_a_reader_that_catches_up_does_not_block_the_event_loop():
    ring, order = MessageRing(size=10, allowed_lag=10), []
    reader = ring.join()
    for number in range(3):
        ring.publish(number)

    async def catch_up():
        async for taken in reader:
            order.append(taken.item)

    async def other():
        for _ in range(3):
            order.append("other")
            await asyncio.sleep(0)
        ring.close()

    async def both():
        await asyncio.gather(catch_up(), other())

    asyncio.run(both())
    assert order.index(2) > order.index("other"), order
