import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.errors import BadInput
from realtime.sensors.montage import _template_positions, canonical_name, match_channels, positions

ELECTRODES = sorted(_template_positions())
OLD = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}


@given(
    name=st.sampled_from(ELECTRODES),
    case=st.sampled_from([str, str.upper, str.lower]),
    prefix=st.sampled_from(["", "EEG ", "eeg", "EEG-"]),
    suffix=st.sampled_from(["", ".", "..", "-REF", "-Le", "_ref", " A1", "-A2", "-avg", "-M1", "-A1A2"]),
)
def test_every_electrode_is_known_by_however_a_file_spells_it(name, case, prefix, suffix):
    assert canonical_name(prefix + case(name) + suffix) == OLD.get(name, name)


@given(st.text(max_size=12))
def test_any_text_is_an_electrode_or_none_and_a_spelling_is_final(text):
    found = canonical_name(text)
    assert found is None or (found in ELECTRODES and canonical_name(found) == found)


@pytest.mark.parametrize("name", ["Fp1-F7", "Right AUX", "EEG 001", "MEG 0113", "Status", "EEG", ""])
def test_what_is_no_electrode_has_no_name(name):
    assert canonical_name(name) is None


@given(st.permutations(["Fp1", "Cz", "T7", "Oz", "Right AUX"]))
def test_channels_are_found_in_any_order_and_spelling(wanted):
    found = ["EEG OZ-REF", "fp1..", "extra", "cz", "T3", "right_aux"]
    at = {"Oz": 0, "Fp1": 1, "Cz": 3, "T7": 4, "Right AUX": 5}
    assert match_channels(wanted, found).tolist() == [at[name] for name in wanted]


def test_the_exact_name_wins():
    assert match_channels(["T7", "T3"], ["T3", "T7"]).tolist() == [1, 0]


def test_a_missing_channel_is_named_with_what_is_there():
    with pytest.raises(BadInput, match=r"run\.edf: found no channel 'O1', 'O2' among Fp1, Cz; rename"):
        match_channels(["Cz", "O1", "O2"], ["Fp1", "Cz"], "run.edf")


@pytest.mark.parametrize(
    ("wanted", "found", "sentence"),
    [
        (["T7"], ["t7", "T3"], "'T7' fits 2 channels .'t7', 'T3'."),
        (["Cz"], ["Cz", "Cz"], "'Cz' fits 2 channels"),
        (["T7", "T3"], ["t7"], "'T7' and 'T3' are the same electrode, 't7'"),
    ],
)
def test_what_could_be_two_channels_is_refused(wanted, found, sentence):
    with pytest.raises(BadInput, match=sentence):
        match_channels(wanted, found)


def test_positions_are_metres_and_nan_where_unknown():
    places = positions(["Cz", "EEG T3", "Right AUX"])
    assert places.shape == (3, 3)
    assert 0.08 < np.linalg.norm(places[0]) < 0.12
    assert places[0, 2] > 0.08
    assert places[1, 0] < -0.06  # left is negative
    assert np.isnan(places[2]).all()
    assert positions([]).shape == (0, 3)
