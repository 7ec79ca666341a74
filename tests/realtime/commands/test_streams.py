from uuid import uuid4

import pylsl
import pytest

from realtime.commands.streams import main
from realtime.errors import BadInput


def test_signals_and_markers_are_listed_with_their_rate_and_their_whole_source_id(capsys):
    name = f"list-{uuid4().hex[:8]}"
    source_id = f"id-{name}-{uuid4().hex}-{uuid4().hex}"
    signal = pylsl.StreamOutlet(pylsl.StreamInfo(name, "EEG", 4, 256.0, pylsl.cf_float32, source_id))
    marks = pylsl.StreamOutlet(pylsl.StreamInfo(f"{name}-marks", "Markers", 1, 0.0, pylsl.cf_string, ""))
    assert main([]) == 0
    assert signal is not marks
    rows = {cells[0]: cells[1:] for line in capsys.readouterr().out.splitlines() if (cells := line.split("│")[1:-1])}
    rows = {key.strip(): [cell.strip() for cell in cells] for key, cells in rows.items()}
    assert rows[name][:5] == ["EEG", "4", "256", "float32", source_id]
    assert rows[f"{name}-marks"][:5] == ["Markers", "1", "events", "string", "none"]


def test_a_wait_that_is_no_wait_is_refused():
    with pytest.raises(BadInput, match="--wait-s is 0"):
        main(["--wait-s", "0"])
