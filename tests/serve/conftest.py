import pytest

from serve.api.server import serving
from serve.settings import Settings
from tests.helpers.amplifier_process import BACKEND


@pytest.fixture
def server(tmp_path):
    """The address of a running server that decodes one made-up stream."""
    with serving(Settings(bundle=tmp_path, stream="demo-eeg", port=0, fresh_s=0.5), BACKEND) as url:
        yield url
