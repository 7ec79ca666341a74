"""pyxdf reads every XDF file of the writer bit for bit, also after a failing disk."""

import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import pyxdf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from realtime.errors import BadInput
from realtime.recorder.xdf_verify import verify_xdf
from realtime.recorder.xdf_writer import XDF_DTYPES, XdfWriter
from tests.helpers.xdf_files import header

ROOT = Path(__file__).parents[3]


FORMATS = (*XDF_DTYPES, "string")


STAMPS = st.floats(-1e9, 1e9)


def load(path):
    streams, _ = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False, verbose=False)
    return {stream["info"]["stream_id"]: stream for stream in streams}


@st.composite
def chunks(draw):
    """Streams (format, channels) and what is appended to the file, in order: samples, clock offsets, boundaries."""
    streams = draw(st.lists(st.tuples(st.sampled_from(FORMATS), st.integers(1, 3)), min_size=1, max_size=4))
    appended = []
    for _ in range(draw(st.integers(0, 8))):
        number = draw(st.integers(0, len(streams)))
        if number == 0:
            appended.append((0, draw(st.tuples(STAMPS, STAMPS)), None))
            continue
        form, n_channels = streams[number - 1]
        stamps = np.array(draw(st.lists(STAMPS, max_size=5)))
        if form == "string":
            row = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=n_channels)
            values = [draw(row)[:n_channels] for _ in stamps]
        else:
            values = draw(arrays(XDF_DTYPES[form], (len(stamps), n_channels)))
        appended.append((number, stamps, values))
    return streams, appended


@settings(max_examples=150, deadline=None)
@given(chunks())
def test_any_chunks_are_read_back_bit_for_bit(tmp_path_factory, made):
    streams, appended = made
    writer = XdfWriter(tmp_path_factory.mktemp("xdf") / "a.xdf")
    for form, n_channels in streams:
        writer.add_stream(header(form, n_channels))
    for number, stamps, values in appended:
        if number:
            writer.samples(number, stamps, values)
        else:
            writer.clock_offset(1, *stamps)
            writer.boundary()
    writer.close()
    found = load(writer.path)
    offsets = [stamps for number, stamps, _ in appended if not number]
    assert found[1]["clock_times"] == [t for t, _ in offsets]
    assert found[1]["clock_values"] == [x for _, x in offsets]
    for number, (form, _) in enumerate(streams, start=1):
        mine = [(stamps, values) for n, stamps, values in appended if n == number]
        want = np.concatenate([np.zeros(0), *(stamps for stamps, _ in mine)])
        assert found[number]["time_stamps"].tobytes() == want.tobytes()
        rows = list(chain.from_iterable(values for _, values in mine))
        if form == "string":
            assert found[number]["time_series"] == rows
        else:
            assert found[number]["time_series"].astype(XDF_DTYPES[form]).tobytes() == b"".join(
                r.tobytes() for r in rows
            )
        footer = found[number]["footer"]["info"]
        assert int(footer["sample_count"][0]) == len(want)
        if len(want):
            assert (float(footer["first_timestamp"][0]), float(footer["last_timestamp"][0])) == (want[0], want[-1])
    assert verify_xdf(writer.path, writer.streams).complete


def test_a_file_that_exists_is_never_opened(tmp_path):
    (tmp_path / "a.xdf").write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        XdfWriter(tmp_path / "a.xdf")
    assert (tmp_path / "a.xdf").read_bytes() == b"precious"


def test_every_chunk_is_in_the_file_before_its_call_returns(tmp_path):
    writer = XdfWriter(tmp_path / "a.xdf")
    writer.add_stream(header())
    for k in range(5):
        writer.samples(1, np.array([float(k)]), np.array([[k]], np.float32))
        assert load(writer.path)[1]["time_series"][:, 0].tolist() == list(range(k + 1))
    writer.close()


@pytest.mark.parametrize(("text", "words"), [("<info>", "no XML"), (header("undefined"), "'undefined'")])
def test_a_header_that_would_make_the_file_unreadable_is_refused(tmp_path, text, words):
    writer = XdfWriter(tmp_path / "a.xdf")
    with pytest.raises(BadInput, match=words):
        writer.add_stream(text)
    writer.close()
    assert load(writer.path) == {}
    assert verify_xdf(writer.path, writer.streams) == (False, "nothing was recorded")


FILL = """
import resource, sys
import numpy as np
from realtime.recorder.xdf_verify import verify_xdf
from realtime.recorder.xdf_writer import XdfWriter
sys.path.insert(0, ".")
from tests.realtime.recorder.test_xdf_writer import header
path, limit = sys.argv[1], int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
writer = XdfWriter(path)
writer.add_stream(header("double64", 10))
for k in range(10_000):
    try:
        writer.samples(1, np.array([float(k)]), np.full((1, 10), float(k)))
    except OSError as error:
        assert writer.failure is error
        break
else:
    raise SystemExit("the disk never was full")
try:
    writer.boundary()
    raise SystemExit("written after the failure")
except OSError:
    pass
writer.close()
print(k, writer.failure.errno, *verify_xdf(path, writer.streams), sep="|")
"""


def fill(path: Path, limit: int) -> tuple[int, int]:
    """Write into a file until it is full: (samples written, errno)."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FILL, str(path), str(limit)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    n, errno, whole, sentence = done.stdout.strip().split("|")
    assert (whole, sentence.split(";")[0]) == ("True", f"verified, samples {n} of s")
    return int(n), int(errno)


@pytest.mark.parametrize("limit", [10_000, 10_050, 10_111])
def test_where_the_file_may_not_grow_everything_before_stays_readable(tmp_path, limit):
    import errno

    assert fill(tmp_path / "a.xdf", limit) == (len(load(tmp_path / "a.xdf")[1]["time_stamps"]), errno.EFBIG)
    assert limit - 110 < (tmp_path / "a.xdf").stat().st_size <= limit


def test_on_a_full_disk_everything_before_stays_readable(tmp_path):
    import errno

    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path]).returncode:
        pytest.skip("a disk small enough to fill can be mounted by root only")
    try:
        n, number = fill(tmp_path / "a.xdf", 0)
        found = load(tmp_path / "a.xdf")[1]
        np.testing.assert_array_equal(found["time_series"], np.repeat(np.arange(n), 10).reshape(n, 10))
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert number == errno.ENOSPC
    assert n > 500
