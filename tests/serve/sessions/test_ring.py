import asyncio

from hypothesis import given
from hypothesis import strategies as st

from serve.sessions.ring import MessageRing

STEPS = st.lists(st.one_of(st.just("publish"), st.tuples(st.just("read"), st.integers(0, 2))), max_size=200)


def read(reader, got):
    """Take one message and append what it says was lost, then itself."""
    taken = reader.take()
    if taken is not None:
        got.append(taken)


@given(STEPS, st.integers(1, 12), st.integers(1, 12))
def test_any_interleaving_keeps_order_and_counts_losses_exactly(steps, keep, lag):
    feed, published = MessageRing(keep, lag), []
    readers, got = [feed.join() for _ in range(3)], [[], [], []]
    for step in steps:
        if step == "publish":
            published.append(f"message {len(published) + 1}")
            assert feed.publish(published[-1]) == len(published)
        else:
            read(readers[step[1]], got[step[1]])
    for reader, taken in zip(readers, got, strict=True):
        while len(taken) < len(published) and reader.seen < feed.last:
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
def test_a_reader_that_resumes_gets_all_the_ring_holds_and_the_count_of_the_rest(n_messages, keep, after):
    feed = MessageRing(keep, lag=1)
    for seq in range(1, n_messages + 1):
        feed.publish(seq)
    reader, got, lost = feed.join(after), [], 0
    while taken := reader.take():
        got.append(taken.item)
        lost += taken.lost
    missed = max(0, n_messages - after)
    assert got == list(range(n_messages + 1 - min(missed, keep), n_messages + 1))
    assert lost == missed - len(got)


def test_a_reader_within_its_reach_loses_nothing():
    feed = MessageRing(keep=100, lag=10)
    reader = feed.join()
    for burst in range(20):
        for _ in range(10):
            feed.publish(burst)
        assert [reader.take().lost for _ in range(10)] == [0] * 10
    assert reader.take() is None


def test_a_slow_reader_costs_the_others_nothing():
    feed = MessageRing(keep=8, lag=4)
    slow, quick = feed.join(), feed.join()
    for seq in range(1, 51):
        feed.publish(seq)
        assert quick.take() == (0, seq, seq)
    assert slow.take() == (46, 47, 47)


def test_readers_wait_and_end_when_the_feed_closes():
    async def scenario():
        feed, got = MessageRing(8, 8), []

        async def read_all():
            async for taken in feed.join():
                got.append(taken.item)

        reading = asyncio.create_task(read_all())
        await asyncio.sleep(0.01)
        feed.publish("a")
        await asyncio.sleep(0.01)
        assert got == ["a"]
        feed.publish("b")
        feed.close()
        await asyncio.wait_for(reading, 1)
        assert got == ["a", "b"]

    asyncio.run(scenario())


def test_a_reader_with_much_to_catch_up_on_lets_others_run_between_two_messages():
    feed, order = MessageRing(keep=10, lag=10), []
    reader = feed.join()
    for number in range(3):
        feed.publish(number)

    async def catch_up():
        async for taken in reader:
            order.append(taken.item)

    async def other():
        for _ in range(3):
            order.append("other")
            await asyncio.sleep(0)
        feed.close()

    async def both():
        await asyncio.gather(catch_up(), other())

    asyncio.run(both())
    assert order.index(2) > order.index("other"), order
