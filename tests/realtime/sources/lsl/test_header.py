"""Headers of LSL streams: labels and units as senders write them; assumptions are warnings."""

import pylsl
import pytest

from realtime.errors import BadInput, UnusableStream
from realtime.sources.lsl.header import read_header


def header(labels=("Fz", "Cz"), units=None, key="label", types="EEG", sfreq=250.0, form="float32"):
    info = pylsl.StreamInfo("amp", "EEG", 2, sfreq, form, "amp-1")
    info._set_channel_info(list(labels), key)
    info.set_channel_types(types)
    if units is not None:
        info.set_channel_units(units)
    return info


def test_label_and_name_are_both_read():
    assert read_header(header(units="uV")).ch_names == ("Fz", "Cz")
    assert read_header(header(units="uV", key="name")).ch_names == ("Fz", "Cz")
    assert read_header(header(units="uV")).warnings == ()


def test_missing_labels_and_units_are_assumed_with_a_warning_each():
    info = read_header(pylsl.StreamInfo("amp", "EEG", 2, 250, "float32", "amp-1"))
    assert info.ch_names == ("EEG1", "EEG2")
    assert info.unit_to_uv == (1.0, 1.0)
    assert len(info.warnings) == 2


def test_an_unknown_unit_is_refused():
    with pytest.raises(BadInput, match=r"'Fz' has unit 'parsec'.* in the sender"):
        read_header(header(units="parsec"))


def test_a_trigger_channel_may_have_any_unit():
    info = read_header(header(("Fz", "STATUS"), ["uV", "bits"], types=["EEG", "stim"]))
    assert info.unit_to_uv == (1.0, 1.0)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"form": "string"}, "channel_format is string"),
        ({"sfreq": 0.0}, "nominal_srate is 0"),
        ({"labels": ("Cz", "Cz")}, "label 'Cz' is given twice"),
    ],
)
def test_what_is_no_signal_is_refused_in_a_sentence(bad, said):
    with pytest.raises(BadInput, match=f"'amp'.*{said}"):
        read_header(header(units="uV", **bad))


@pytest.mark.parametrize(("text", "delay_s"), [(None, 0.0), ("", 0.0), ("0.065", 0.065), ("-2e-3", -0.002)])
def test_the_delay_of_a_device_is_the_mean_offset_of_its_header(text, delay_s):
    info = header(units="uV")
    if text is not None:
        info.desc().append_child("synchronization").append_child_value("offset_mean", text)
    assert read_header(info).delay_s == delay_s


@pytest.mark.parametrize("text", ["65 ms", "nan"])
def test_a_delay_that_is_no_number_is_refused(text):
    info = header(units="uV")
    info.desc().append_child("synchronization").append_child_value("offset_mean", text)
    with pytest.raises(UnusableStream, match=f"offset_mean is '{text}', seconds are needed"):
        read_header(info)
