"""The attention of a trained network over a recording."""

import numpy as np
import pytest
import torch

from glimpse import cli
from realtime.errors import BadInput
from tests.helpers.rhythm_dataset import CH_NAMES
from training.connectivity.network_attention import mean_attention
from training.data.dataset import load_dataset, load_split
from training.data.segments import recording_hops
from training.runs.run import Run


def test_attention_of_a_run_sums_to_one_and_is_drawn(trained, tmp_path):
    (recording, *_) = load_split(load_dataset(trained.data), "train")
    run = Run.load(trained.run)
    weights = mean_attention(run, recording)
    assert weights.shape == (len(CH_NAMES),) * 2
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
    assert weights.std() > 1e-3
    out = tmp_path / "attention.png"
    arguments = ["data", "graph", str(trained.data), "--run", str(trained.run), "--out", str(out)]
    assert cli.main(arguments) == 0
    assert out.exists()


class OwnGraph(torch.nn.Module):
    """A network whose graph is the last sample of the signal in every row."""

    def adjacency(self, x_BCT: torch.Tensor) -> torch.Tensor:
        return x_BCT[:, None, :, -1].expand(-1, x_BCT.shape[1], -1)


def test_a_dynamic_graph_is_averaged_over_every_four_seconds(trained, monkeypatch):
    (recording, *_) = load_split(load_dataset(trained.data), "train")
    run = Run.load(trained.run)
    monkeypatch.setattr(run, "load_trained", lambda: (OwnGraph(), None))
    (hops,) = recording_hops(recording, run.make_frontend())
    size = round(4 / run.make_frontend().hop_s)
    expected = np.mean([hop.signal[:, -1] for hop in hops[size - 1 :: size]], axis=0)
    np.testing.assert_allclose(mean_attention(run, recording), np.tile(expected, (4, 1)), rtol=1e-5)


def test_a_network_without_a_graph_is_refused(trained, monkeypatch):
    (recording, *_) = load_split(load_dataset(trained.data), "train")
    run = Run.load(trained.run)
    monkeypatch.setattr(run, "load_trained", lambda: (torch.nn.Identity(), None))
    with pytest.raises(BadInput, match="has 0 graphs over its 4 channels, 1 or more are needed"):
        mean_attention(run, recording)


def test_a_network_whose_graph_is_switched_off_is_refused(trained, monkeypatch):
    class Off(torch.nn.Module):
        def adjacency(self, x_BCT: torch.Tensor) -> torch.Tensor:
            raise ValueError("needs spatial = true")

    (recording, *_) = load_split(load_dataset(trained.data), "train")
    run = Run.load(trained.run)
    monkeypatch.setattr(run, "load_trained", lambda: (Off(), None))
    with pytest.raises(BadInput, match="needs spatial = true"):
        mean_attention(run, recording)
