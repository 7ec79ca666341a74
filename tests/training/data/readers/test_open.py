import pytest

from realtime.errors import BadInput
from training.data.readers.open import SOURCES, open_source
from training.data.readers.splits import published_test_concepts


@pytest.mark.parametrize("source", SOURCES)
def test_a_folder_that_is_not_there_is_named(tmp_path, source):
    with pytest.raises(BadInput, match="nowhere: root needs to be the folder of the data set, but there is none"):
        open_source(source, tmp_path / "nowhere")


@pytest.mark.parametrize("source", SOURCES)
def test_an_empty_folder_says_what_it_should_hold(tmp_path, source):
    with pytest.raises(BadInput, match="but .* (is|are) needed|every BIDS folder has one"):
        open_source(source, tmp_path)


@pytest.mark.parametrize("source", [source for source in SOURCES if source != "bids"])
def test_every_published_set_has_its_test_concepts(source):
    assert len(published_test_concepts(source)) == 200
