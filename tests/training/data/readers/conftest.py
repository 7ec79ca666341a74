"""Where the real metadata of the published sets lies."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of GLIMPSE_DATA; tests that need it are skipped without it."""
    folder = os.environ.get("GLIMPSE_DATA")
    if not folder or not (Path(folder) / "things_eeg2_meta").is_dir():
        pytest.skip("set GLIMPSE_DATA to a folder with things_eeg2_meta/, things_eeg1_events/ and things_meg_meta/")
    return Path(folder)
