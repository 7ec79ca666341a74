import numpy as np
import pytest

from realtime.decoding.decoder import Decoder
from tests.helpers.bundles import CH_NAMES, tiny_bundle
from tests.helpers.engines import T0, ArraySource, chunk, decoding
from tests.helpers.scripted_signal import SAMPLES


def test_traces_are_the_samples_at_about_128_hz(tmp_path):
    fast = Decoder(tiny_bundle(tmp_path / "fast", sfreq=1000.0))
    with decoding(fast, ArraySource(CH_NAMES, 1000.0, [([chunk(SAMPLES[:700], 0, 1000.0)], [])])) as log:
        log.wait(lambda: log.of("signal"))
    (frame,) = log.of("signal")
    assert (frame["samples"].shape, frame["t_first"]) == ((100, 8), T0)
    assert frame["sfreq"] == pytest.approx(1000 / 7)
    np.testing.assert_allclose(frame["samples"][3], SAMPLES[21:28].mean(axis=0), rtol=1e-6)
