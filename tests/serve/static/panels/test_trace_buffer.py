import pytest

# A buffer for one second of two channels at 100 Hz, the frames added to it, and what is asked of it.
BUFFER = """async (frames) => {
    const { TraceBuffer } = await import("/static/panels/trace_buffer.js");
    const frame = (tFirst, values) => ({
        tFirst, sfreq: 100, nTimes: values.length, nChannels: 2,
        samples: Float32Array.from(values.flatMap((value) => [value, 10 * value])),
    });
    const buffer = new TraceBuffer(frame(...frames[0]), 1);
    for (const [tFirst, values] of frames) buffer.add(frame(tFirst, values));
    const newest = (buffer.end - 1) % buffer.size;
    return {
        size: buffer.size, start: buffer.start, end: buffer.end, tLast: buffer.tLast, gaps: [...buffer.gapSpans()],
        newest: [...buffer.data.slice(2 * newest, 2 * newest + 2)],
        statistics: [0, 1].map((c) => buffer.statistics(c, 0)), later: buffer.statistics(0, 1e6),
        fits: {
            next: buffer.fits(frame(buffer.tLast, [])), back: buffer.fits(frame(buffer.tLast - 2, [])),
            rate: buffer.fits({ ...frame(buffer.tLast, []), sfreq: 250 }),
            channels: buffer.fits({ ...frame(buffer.tLast, []), nChannels: 3 }),
        },
    };
}"""


def test_buffer_keeps_the_newest_samples(page):
    buffer = page.evaluate(BUFFER, [[0, list(range(70))], [0.7, list(range(70, 300))]])
    assert (buffer["end"], buffer["end"] - buffer["start"]) == (300, buffer["size"])
    assert buffer["newest"] == [299, 2990]
    assert buffer["tLast"] == pytest.approx(2.99)


def test_statistics_are_of_the_samples_since_a_time(page):
    buffer = page.evaluate(BUFFER, [[0, [1, 3]]])
    assert buffer["statistics"] == [{"mean": 2, "deviation": 1}, {"mean": 20, "deviation": 10}]
    assert buffer["later"] is None


def test_missing_samples_are_a_gap_and_one_thinned_sample_is_not(page):
    [gap] = page.evaluate(BUFFER, [[0, [0, 0]], [0.03, [0, 0]], [0.5, [0, 0]]])["gaps"]
    assert (gap["from"], gap["to"]) == (pytest.approx(0.04), 0.5)


def test_frame_with_other_channels_or_rate_or_from_the_past_does_not_fit(page):
    fits = page.evaluate(BUFFER, [[5, [0] * 100]])["fits"]
    assert fits == {"next": True, "back": False, "rate": False, "channels": False}
