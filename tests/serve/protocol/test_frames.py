import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from realtime.live.messages import TraceFrame
from serve.protocol.frames import pack_frame, unpack_frame


@given(arrays(np.float32, st.tuples(st.integers(0, 5), st.integers(1, 7)), elements=st.floats(-1e6, 1e6, width=32)))
def test_a_frame_of_traces_is_read_back_unchanged(samples):
    t_first, sfreq, seq, unpacked = unpack_frame(pack_frame(9, TraceFrame("s1", 1.5, 128.0, samples)))
    assert (t_first, sfreq, seq) == (1.5, 128.0, 9)
    assert np.array_equal(unpacked, samples)
    assert unpacked.shape == samples.shape
