from uuid import uuid4

import numpy as np
import pytest

from glimpse import cli
from realtime.commands.replay import main
from tests.helpers.replayed_file import LABELS, MARKERS


@pytest.fixture
def file(tmp_path):
    """Eight seconds whose every channel holds the sample number."""
    path = tmp_path / f"rec-{uuid4().hex[:8]}.npz"
    samples = np.repeat(np.arange(2000, dtype=np.float32)[:, None], 4, axis=1)
    np.savez(path, samples=samples, sfreq=250.0, ch_names=np.array(LABELS), markers=np.array(MARKERS))
    return path


def test_the_command_prints_what_it_sent(file, capfd):
    assert main([str(file), "--speed", "32", "--no-wait"]) == 0
    assert "sent 2000 samples and 4 markers" in capfd.readouterr().out
    assert cli.main(["replay", str(file), "--speed", "0"]) == 2
    assert "--speed is 0" in capfd.readouterr().err
    assert cli.main(["replay", str(file.with_name("nothing.edf"))]) == 2
    assert "nothing.edf" in capfd.readouterr().err
