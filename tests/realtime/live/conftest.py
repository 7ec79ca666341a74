from uuid import uuid4

import pytest

from realtime.decoding.decoder import Decoder
from tests.helpers.bundles import tiny_bundle
from tests.helpers.scripted_signal import SAMPLES, SFREQ


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    """Of a tiny bundle for the signal of `tests.helpers.scripted_signal`."""
    return Decoder(tiny_bundle(tmp_path_factory.mktemp("live") / "tiny", sfreq=SFREQ))


@pytest.fixture(scope="module")
def want(decoder):
    """The decisions of that signal, offline."""
    return decoder.step(SAMPLES, decoder.start())[0]


@pytest.fixture
def name():
    """Of a stream that no other test opens."""
    return f"test-{uuid4().hex[:8]}"
