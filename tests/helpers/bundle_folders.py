"""Folders of bundles that tests change."""

import json

import pytest

from realtime.bundle.bundle import MANIFEST, Bundle
from realtime.decoding.decoder import Decoder
from realtime.errors import BadInput


def edit(folder, **changes):
    """Overwrite keys of the manifest; None removes one."""
    manifest = json.loads((folder / MANIFEST).read_text()) | changes
    (folder / MANIFEST).write_text(json.dumps({key: value for key, value in manifest.items() if value is not None}))


def refused(folder):
    with pytest.raises(BadInput) as caught:
        Decoder(Bundle.load(folder))
    assert "\n" not in str(caught.value)
    return str(caught.value)
