import logging

import numpy as np

from realtime.recorder.xdf_verify import verify_xdf
from realtime.recorder.xdf_writer import XdfWriter
from tests.helpers.xdf_files import header


def test_damage_is_reported(tmp_path, caplog):
    writer = XdfWriter(tmp_path / "a.xdf")
    writer.add_stream(header("double64"))
    for k in range(20):
        writer.samples(1, np.array([float(k)]), np.array([[float(k)]]))
    writer.close()
    content = writer.path.read_bytes()
    assert verify_xdf(writer.path, writer.streams) == (
        True,
        "verified, samples 20 of s; stamps ascend; no clock offset of s could be measured",
    )
    flipped = bytearray(content)
    flipped[content.index(np.float64(7).tobytes()) + 8] ^= 1
    writer.path.write_bytes(flipped)
    assert verify_xdf(writer.path, writer.streams) == (False, "samples of s read back differ from those written")
    caplog.set_level(logging.CRITICAL, "pyxdf")
    writer.path.write_bytes(content[: len(content) // 2])
    assert verify_xdf(writer.path, writer.streams).message.startswith("wrote 20 samples of s, read back ")
    writer.path.write_bytes(b"XDF?")
    assert verify_xdf(writer.path, writer.streams).message.startswith("pyxdf cannot read it back (")


def test_stamps_that_go_back_are_counted(tmp_path):
    writer = XdfWriter(tmp_path / "a.xdf")
    writer.add_stream(header())
    writer.clock_offset(1, 0.0, 0.0)
    for stamps in ([1.0, 2.0, 1.5], [1.0, 3.0]):
        writer.samples(1, np.array(stamps), np.zeros((len(stamps), 1), np.float32))
    writer.close()
    assert verify_xdf(writer.path, writer.streams) == (True, "verified, samples 5 of s; 2 stamps of s go back in time")
