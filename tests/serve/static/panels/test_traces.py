def test_blink_does_not_flatten_the_traces(page):
    """Microvolts between two baselines, for 10 uV of noise without and with a blink of 500 uV in every channel."""
    spacing = page.evaluate(
        """async () => {
            const { Traces } = await import("/static/panels/traces.js");
            return [0, 500].map((blink) => {
                const traces = new Traces(document.createElement("canvas")), n = 600;
                const samples = Float32Array.from({ length: 4 * n }, (_, i) =>
                    17 * Math.sin(i * i) + (i > 1200 && i < 1240 ? blink : 0));
                traces.add({ tFirst: 0, sfreq: 100, nTimes: n, nChannels: 4, samples });
                traces.measure(-1);
                return traces.spacing;
            });
        }"""
    )
    assert spacing[0] == 50
    assert spacing[1] <= 5 * spacing[0]


def test_artifacts_of_successive_hops_are_one_span(page):
    artifacts = page.evaluate(
        """async () => {
            const { Traces } = await import("/static/panels/traces.js");
            const traces = new Traces(document.createElement("canvas"));
            for (const [t_lsl, artifact] of [[1, true], [1.5, true], [2, false], [3, true]])
                traces.addQuality({ t_lsl, quality: { bad_channels: [], artifact } }, 0.5);
            return traces.artifacts;
        }"""
    )
    assert artifacts == [{"from": 0.5, "to": 1.5}, {"from": 2.5, "to": 3}]


def test_repeated_onset_is_added_once(page):
    onsets = page.evaluate(
        """async () => {
            const { Traces } = await import("/static/panels/traces.js");
            const traces = new Traces(document.createElement("canvas"));
            for (const [t, text] of [[1, "cat"], [1, "cat"], [2, "dog"]]) traces.addOnset(t, text);
            return traces.onsets;
        }"""
    )
    assert onsets == [{"t": 1, "text": "cat"}, {"t": 2, "text": "dog"}]
