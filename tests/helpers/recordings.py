"""Small recordings in every format, written byte by byte where no library here writes them."""

import os
import struct
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import mne
import numpy as np
import pytest
import pyxdf

from tests.helpers.waiting import until

MEG = ("MEG 0113", "MEG 0112", "MEG 0111", "MEG 0121")  # two gradiometers and a magnetometer, and one magnetometer


def write_csv(path: Path, stamps: Sequence[float], columns: dict[str, Sequence]) -> Path:
    """Time stamps, then named columns, as muse-lsl writes them."""
    lines = [",".join(["timestamps", *columns])]
    lines += [",".join([f"{t:.3f}", *map(str, row)]) for t, *row in zip(stamps, *columns.values(), strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_edf(
    path: Path,
    samples_uv: np.ndarray,
    sfreq: int,
    ch_names: Sequence[str],
    unit: str = "uV",
    notes: Sequence[tuple[float, str]] = (),
) -> Path:
    """EDF of one-second records, int16 steps of 0.1; `samples_uv` is (n_times, n_channels), whole seconds.

    With `notes`, (seconds, text), it is EDF+ with annotations.
    """
    names, n_records = list(ch_names), len(samples_uv) // sfreq
    records = np.round(samples_uv * 10).astype("<i2").reshape(n_records, sfreq, len(names)).transpose(0, 2, 1)
    content = [record.tobytes() for record in records]
    if notes:
        names.append("EDF Annotations")
        for k in range(n_records):
            texts = "".join(f"+{t}\x14{text}\x14\0" for t, text in notes if int(t) == k)
            content[k] += f"+{k}\x14\x14\0{texts}".encode().ljust(2 * sfreq, b"\0")
    limits = (-3276.8, 3276.7, -32768, 32767)
    header = _edf_header(b"0".ljust(8), "EDF+C" if notes else "", names, unit, limits, sfreq, n_records)
    path.write_bytes(header + b"".join(content))
    return path


def write_bdf(
    path: Path, samples_uv: np.ndarray, sfreq: int, ch_names: Sequence[str], codes: Sequence[tuple[int, int]]
) -> Path:
    """BDF as a BioSemi writes it: 24 bits of 1/32 microvolt, (row, code) held for two samples in channel Status."""
    n_records = len(samples_uv) // sfreq
    status = np.zeros(len(samples_uv))
    for row, code in codes:
        status[row : row + 2] = code
    values = np.column_stack([np.round(samples_uv * 32), status]).astype("<i4")
    records = np.ascontiguousarray(values.reshape(n_records, sfreq, -1).transpose(0, 2, 1))
    limits = (-262144, 262143, -8388608, 8388607)
    header = _edf_header(b"\xffBIOSEMI", "24BIT", [*ch_names, "Status"], "uV", limits, sfreq, n_records)
    path.write_bytes(header + records.view("u1").reshape(-1, 4)[:, :3].tobytes())
    return path


def _edf_header(
    magic: bytes, kind: str, names: Sequence[str], unit: str, limits: Sequence[float], sfreq: int, n_records: int
) -> bytes:
    def field(values: Sequence, width: int) -> bytes:
        return b"".join(str(value).ljust(width)[:width].encode("ascii") for value in values)

    def each(value: object, width: int) -> bytes:
        return field([value] * len(names), width)

    head = magic + field(["X X X X", "Startdate 01-JAN-2020 X X X"], 80) + field(["01.01.20", "00.00.00"], 8)
    head += field([256 * (len(names) + 1)], 8) + field([kind], 44) + field([n_records, 1], 8) + field([len(names)], 4)
    head += field(names, 16) + each("", 80) + each(unit, 8) + b"".join(each(limit, 8) for limit in limits)
    return head + each("", 80) + each(sfreq, 8) + each("", 32)


def write_xdf(path: Path, streams: Sequence[dict]) -> Path:
    """XDF of whole streams: dicts with name, type, sfreq, stamps, values, and for signals ch_names and unit."""

    def chunk(tag: int, content: bytes) -> bytes:
        return b"\x04" + struct.pack("<IH", len(content) + 2, tag) + content

    def text(value: str) -> bytes:
        return b"\x04" + struct.pack("<I", len(value.encode())) + value.encode()

    out = b"XDF:" + chunk(1, b"<?xml version='1.0'?><info><version>1.0</version></info>")
    for number, stream in enumerate(streams, start=1):
        ch_names, is_text = stream.get("ch_names", ["marker"]), isinstance(stream["values"][0], str)
        unit = f"<unit>{stream['unit']}</unit>" if stream.get("unit") else ""
        channels = "".join(f"<channel><label>{escape(n)}</label>{unit}</channel>" for n in ch_names)
        header = (
            f"<?xml version='1.0'?><info><name>{stream['name']}</name><type>{stream['type']}</type>"
            f"<channel_count>{len(ch_names)}</channel_count><nominal_srate>{stream['sfreq']}</nominal_srate>"
            f"<channel_format>{'string' if is_text else 'float32'}</channel_format>"
            f"<desc><channels>{channels}</channels></desc></info>"
        )
        identity = struct.pack("<I", number)
        out += chunk(2, identity + header.encode())
        body = b"".join(
            b"\x08" + struct.pack("<d", t) + (text(v) if is_text else np.asarray(v, "<f4").tobytes())
            for t, v in zip(stream["stamps"], stream["values"], strict=True)
        )
        out += chunk(3, identity + b"\x04" + struct.pack("<I", len(stream["values"])) + body)
        out += chunk(6, identity + b"<?xml version='1.0'?><info><sample_count>0</sample_count></info>")
    path.write_bytes(out)
    return path


def meg_raw(places_m: np.ndarray, dev_head_t: mne.transforms.Transform | None, n_times: int = 1000) -> mne.io.RawArray:
    """Noise at 100 Hz from the four sensors of MEG at `places_m` (4, 3) of the device; markers a and b in turn."""
    kinds = ["grad" if name[-1] in "23" else "mag" for name in MEG]
    info = mne.create_info(list(MEG), 100.0, kinds)
    for ch, place in zip(info["chs"], places_m, strict=True):
        ch["loc"][:] = [*place, 1, 0, 0, 0, 1, 0, 0, 0, 1]
    with info._unlock():
        info["dev_head_t"] = dev_head_t
    data = 1e-12 * np.random.default_rng(0).standard_normal((len(MEG), n_times))
    raw = mne.io.RawArray(data, info, verbose="error")
    onsets = np.arange(1.0, n_times / 100 - 1)
    return raw.set_annotations(mne.Annotations(onsets, 0, ["ab"[k % 2] for k in range(len(onsets))]))


def shared_meg() -> mne.io.RawArray:
    """A second of a real Vectorview measurement: 306 MEG sensors, 60 electrodes, stimulus channels."""
    folder = os.environ.get("GLIMPSE_DATA")
    if not folder:
        pytest.skip("set GLIMPSE_DATA to a folder that holds meg/test-ave.fif.gz, of MNE's own tests")
    evoked = mne.read_evokeds(Path(folder) / "meg" / "test-ave.fif.gz", verbose="error")[0]
    return mne.io.RawArray(evoked.data, evoked.info, verbose="error")


def wait_written(path: Path, counts: dict[str, int], n_offsets: int = 0) -> None:
    """Until an XDF file that is being written holds so many samples and clock offsets of each of these streams."""

    def written() -> bool:
        if not path.exists():
            return False
        streams, _ = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False, verbose=False)
        samples, offsets = Counter[str](), Counter[str]()
        for stream in streams:
            samples[stream["info"]["name"][0]] += len(stream["time_stamps"])
            offsets[stream["info"]["name"][0]] += len(stream["clock_times"])
        return all(samples[name] >= n and offsets[name] >= n_offsets for name, n in counts.items())

    assert until(written, every_s=0.1), counts
