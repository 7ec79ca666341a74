import numpy as np

from realtime.stream import Chunk

CHUNK = Chunk(np.arange(20.0).reshape(10, 2), 100, 5.0, 50.0)


def test_numbers_and_times_of_samples_agree():
    assert CHUNK.time_of(105) == 5.1
    assert CHUNK.index_of(5.1) == 105
    assert CHUNK.index_of(CHUNK.time_of(90)) == 90


def test_the_rest_of_a_chunk_keeps_numbers_and_times():
    rest = CHUNK.after(4)
    assert (rest.index, rest.t_first) == (104, CHUNK.time_of(104))
    np.testing.assert_array_equal(rest.samples, CHUNK.samples[4:])
