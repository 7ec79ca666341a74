import time
from uuid import uuid4

import numpy as np
import pylsl

from realtime.simulation.amplifier import Amplifier, simulated_amplifier
from realtime.simulation.brain import SimulatedBrain, simulate
from realtime.sources.lsl.source import LslSource
from realtime.sources.query import StreamQuery
from tests.helpers.waiting import PATIENCE_S

CH_NAMES = ("Fp1", "Fp2", "F3", "F4", "C3", "Cz", "C4", "P7", "P3", "Pz", "P4", "P8", "O1", "Oz", "O2")


VECTORS = np.random.default_rng(7).standard_normal((12, 16))


LABELS = tuple("abcdefghijkl")


def test_the_amplifier_streams_the_simulated_session():
    name = f"sim-{uuid4().hex[:8]}"
    amplifier = Amplifier(name, CH_NAMES, 250.0, VECTORS, LABELS, seed=6, seconds=4.0)
    began = pylsl.local_clock()
    with simulated_amplifier(amplifier) as child:
        source = LslSource(StreamQuery(name, markers=f"{name}-markers"), wait_s=PATIENCE_S)
        chunks, markers, ages, deadline = [], [], [], time.monotonic() + PATIENCE_S
        while sum(len(c.samples) for c in chunks) < 1000 and time.monotonic() < deadline:
            more, marks = source.pull(0.2)
            ages += [pylsl.local_clock() - c.time_of(c.index + len(c.samples) - 1) for c in more]
            chunks += more
            markers += marks
        source.close()
        assert child.result(PATIENCE_S).samples == 1000
    expected, onsets = simulate(SimulatedBrain(CH_NAMES, 250.0, VECTORS, LABELS), 6, 4.0)
    np.testing.assert_array_equal(np.concatenate([c.samples for c in chunks]), expected)
    assert [(chunks[0].index_of(m.t_lsl), m.label) for m in markers] == onsets
    assert min(ages) >= -0.001  # never stamped in the future
    assert chunks[0].t_first > began
