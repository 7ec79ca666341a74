from tests.helpers import http


def test_lsl_streams_are_listed(server):
    (row,) = http.get(f"{server}/v1/streams").json()
    assert set(row) == {"name", "type", "source_id", "sfreq", "n_channels", "hostname"}
    assert row["name"] == "demo-eeg"
