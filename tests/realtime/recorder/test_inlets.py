from xml.etree import ElementTree

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from realtime.recorder.inlets import _texts, readable


def test_text_that_is_no_utf8_is_taken_as_latin_1():
    assert _texts(np.array([[b"caf\xe9", "Größe".encode()]], dtype=object)) == [["café", "Größe"]]


def test_a_description_that_is_no_xml_is_left_out():
    assert readable("<info><name>a</name><desc><1/></desc></info>") == "<info><name>a</name><desc /></info>"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<>&\r"), max_size=20), st.integers(0, 40))
def test_any_header_becomes_valid_xml(text, code):
    xml = f"<info><name>{text}&#{code};&amp;&#x1F600;</name></info>"
    assert ElementTree.fromstring(readable(xml)).findtext("name").endswith("&\U0001f600")
