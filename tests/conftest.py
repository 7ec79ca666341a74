"""Every run of the tests has an LSL of its own: no stream of the room, or of another run, is in its sight."""

import atexit
import os
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest

# Before anything loads liblsl, which reads this file once; processes that tests start inherit it.
FOLDER = tempfile.TemporaryDirectory(prefix="glimpse-lsl-")
atexit.register(FOLDER.cleanup)
CONFIG = Path(FOLDER.name) / "lsl_api.cfg"
CONFIG.write_text(f"[lab]\nSessionID = glimpse-tests-{uuid4().hex}\n[log]\nlevel = -1\n")
os.environ["LSLAPICFG"] = str(CONFIG)


@pytest.fixture(scope="session")
def flagship(tmp_path_factory):
    """The bundle of the flagship network, untrained; its export takes many seconds."""
    from tests.helpers.bundles import flagship_bundle

    return flagship_bundle(tmp_path_factory.mktemp("session") / "flagship")
