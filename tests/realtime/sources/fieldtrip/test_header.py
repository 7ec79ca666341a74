"""Headers of FieldTrip buffers: units from Neuromag or resolutions; assumptions are warnings."""

import struct
from types import SimpleNamespace

import mne
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.errors import UnusableStream
from realtime.sources.fieldtrip.header import read_header
from tests.helpers.fieldtrip_server import fif_header
from tests.helpers.recordings import MEG, meg_raw, shared_meg

PLACES = np.eye(4)[:, :3]


def header(labels=(), n=None, sfreq=1000.0, kind=9, **chunks) -> SimpleNamespace:
    """What the client of mne-realtime gives; `c8` is the chunk of type 8."""
    held = {int(name[1:]): data for name, data in chunks.items()}
    n = len(labels) if n is None else n
    return SimpleNamespace(nChannels=n, fSample=sfreq, dataType=kind, labels=list(labels), chunks=held)


@pytest.mark.parametrize("order", "<>")
def test_units_of_a_neuromag_header_are_those_of_its_channels_in_either_byte_order(order):
    kinds = ["mag", "grad", "eeg", "eog", "stim", "misc"]
    info = mne.create_info(["A", "B", "C", "D", "E", "QUAT001"], 1000.0, kinds)
    found = read_header(header(("QUAT001", "E", "D", "C", "B", "A"), c8=fif_header(info, order)), "buffer")
    assert found.unit_to_uv == (1.0, 1.0, 1e6, 1e6, 1e13, 1e15)
    assert found.warnings == ()


def test_a_fif_file_that_mne_wrote_is_read_and_labels_channels_without_labels(tmp_path):
    raw = meg_raw(PLACES, None)
    mne.io.write_info(tmp_path / "info.fif", raw.info)
    found = read_header(header(n=4, c8=(tmp_path / "info.fif").read_bytes()), "buffer")
    assert (found.ch_names, found.unit_to_uv) == (MEG, (1e13, 1e13, 1e15, 1e15))


def test_a_real_header_gives_every_channel_its_unit():
    info = shared_meg().info
    found = read_header(header(info["ch_names"], c8=fif_header(info)), "buffer")
    units = {"mag": 1e15, "grad": 1e13, "eeg": 1e6, "eog": 1e6, "stim": 1.0}
    assert found.unit_to_uv == tuple(units[kind] for kind in info.get_channel_types())
    assert found.warnings == ()


def test_without_a_fif_header_units_follow_from_neuromag_names_with_a_warning():
    found = read_header(header(("MEG 0111", "MEG0112", "MEG 0113", "EEG 001", "STI101", "CHPI001")), "buffer")
    assert found.unit_to_uv == (1e15, 1e13, 1e13, 1e6, 1.0, 1.0)
    assert found.warnings == ("buffer declares no unit for 6 channels; taken as T, T/m and V as Neuromag names them",)


def test_other_channels_are_in_microvolts_by_their_resolution_or_with_a_warning():
    resolutions = np.array([0.5, 0.1]).tobytes()
    assert read_header(header(("Cz", "Pz"), kind=7, c3=resolutions), "buffer").unit_to_uv == (0.5, 0.1)
    plain = read_header(header(("Cz", "EEG 002")), "buffer")
    assert plain.unit_to_uv == (1.0, 1.0)
    assert plain.warnings == ("buffer declares no unit for 2 channels; taken as microvolts",)


def test_channels_without_labels_are_numbered_with_a_warning():
    found = read_header(header(n=2), "buffer")
    assert found.ch_names == ("ch1", "ch2")
    assert found.warnings[0] == "buffer does not label 2 of its channels; called ch1, ch2"


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (header(n=0), r"declares 0 channels at 1000 Hz"),
        (header(("Cz",), sfreq=0.0), r"declares 1 channels at 0 Hz"),
        (header(("Cz",), kind=0), r"data type 0 is text or unknown"),
        (header(("Cz",), kind=0xFFFFFFFF), r"is text or unknown"),
        (header(("Cz", "Pz", "Cz")), r"label 'Cz' is given twice"),
        (header(("Cz",), c8=b"no FIF file, whatever it is"), r"is no FIF file"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused_with_what_was_found(broken, sentence):
    with pytest.raises(UnusableStream, match=sentence) as error:
        read_header(broken, "fieldtrip://meg:1972")
    assert str(error.value).startswith("fieldtrip://meg:1972: ")


FIF = fif_header(meg_raw(PLACES, None).info)


@given(at=st.integers(0, len(FIF) - 4), value=st.integers(-(2**31), 2**31 - 1), end=st.integers(0, len(FIF)))
def test_a_damaged_fif_header_gives_a_description_or_a_bad_input(at, value, end):
    damaged = (FIF[:at] + struct.pack("<i", value) + FIF[at + 4 :])[:end]
    try:
        sentence = f"buffer: {read_header(header(MEG, c8=damaged), 'buffer').ch_names}"
    except UnusableStream as error:
        sentence = str(error)
    assert sentence.startswith("buffer: ")
    assert "\n" not in sentence
