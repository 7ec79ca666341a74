"""Graphs end on the head where their sensors are, and the picture shows each edge."""

from pathlib import Path

import numpy as np
import pytest
import torch

from glimpse import cli
from realtime.errors import BadInput
from realtime.sensors.montage import positions
from tests.helpers.rhythm_dataset import CH_NAMES, write_dataset, write_session
from training.connectivity.head_plot import coupling_matrix, list_edges, plot_graph, project_to_plane
from training.connectivity.network_attention import mean_attention
from training.connectivity.priors import graph_of
from training.data.dataset import load_dataset, load_split
from training.data.segments import recording_hops
from training.runs.run import Run

NAMES = ("Fpz", "Oz", "T7", "T8", "Cz", "C3", "Fz")


def test_nose_is_up_right_is_right_and_the_belt_lies_on_the_rim():
    at = dict(zip(NAMES, project_to_plane(positions(NAMES)), strict=True))
    assert np.linalg.norm(at["Cz"]) < 0.1
    for name, direction in (("Fpz", (0, 1)), ("Oz", (0, -1)), ("T7", (-1, 0)), ("T8", (1, 0))):
        np.testing.assert_allclose(at[name], direction, atol=0.17)
    assert at["C3"][0] == pytest.approx(at["T7"][0] / 2, abs=0.1)


def test_an_undirected_pair_counts_once_and_a_directed_one_by_direction():
    symmetric = np.array([[0, 0.5, 0], [0.5, 0, 0.9], [0, 0.9, 0]])
    assert list_edges(symmetric) == ([(1, 2, 0.9), (0, 1, 0.5)], False)
    assert list_edges(np.triu(symmetric) + 7 * np.eye(3)) == ([(1, 2, 0.9), (0, 1, 0.5)], True)


def test_a_prior_as_a_matrix_keeps_its_edges_and_nothing_else():
    wanted = np.array([[[0, 3, 2], [0, 0, 1], [4, 0, 0]], [[0, 1, 0], [0, 0, 1], [2, 0, 0]]], float)
    assert coupling_matrix(graph_of("granger", wanted, 2)).tolist() == [[0, 2, 0], [0, 0, 1], [3, 0, 0]]


def drawn(path: Path) -> np.ndarray:
    from matplotlib.image import imread

    return imread(path)[..., :3]


def test_an_edge_is_seen_between_its_sensors(tmp_path):
    """Pixels differ from those of the picture without it, and only right of the middle line."""
    weights = np.zeros((7, 7))
    weights[3, 4] = weights[4, 3] = weights[1, 6] = weights[6, 1] = 1.0
    plot_graph(weights, positions(NAMES), tmp_path / "both.png", NAMES)
    weights[3, 4] = weights[4, 3] = 0.0
    weights[3, 6] = weights[6, 3] = 1.0  # the same number of edges, so the same title
    plot_graph(weights, positions(NAMES), tmp_path / "one.png", NAMES)
    both, one = drawn(tmp_path / "both.png"), drawn(tmp_path / "one.png")
    rows, columns = np.nonzero(np.abs(both - one).max(axis=-1) > 0.2)
    assert len(rows) > 500
    assert np.quantile(columns, 0.05) > 0.4 * both.shape[1]


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_nameless_sensors_and_an_empty_graph_are_drawn(tmp_path, suffix):
    out = tmp_path / f"graph.{suffix}"
    plot_graph(np.zeros((7, 7)), positions(NAMES), out)
    assert out.stat().st_size > 2000


def test_too_few_positions_are_refused(tmp_path):
    with pytest.raises(BadInput, match="1 of 3 channels have a position, 2 or more"):
        plot_graph(np.ones((3, 3)), positions(("Cz", "EMG", "ECG")), tmp_path / "x.png", ("Cz", "EMG", "ECG"))


def test_the_command_prints_and_draws_the_graph_of_the_training_files_alone(tmp_path, capsys):
    """`valid` and `test` are not there at all."""
    for seed, name in enumerate("ab"):
        write_session(tmp_path / f"{name}.npz", seed)
    data, out = write_dataset(tmp_path, files={"train": ["a.npz", "b.npz"]}), tmp_path / "graph.png"
    assert cli.main(["data", "graph", str(data), "--kind", "plv", "--k", "2", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "rhythms: plv" in printed
    assert "edges between 4 sensors" in printed
    assert drawn(out).std() > 0.05


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--kind", "pearson", "--out", "x.png"], "kind 'pearson' is not known"),
        (["--out", "x.txt"], "ends in .txt, one of .png, .pdf, .svg is needed"),
        (["--out", "nowhere/x.png"], "there is no folder"),
        (["--run", "nowhere", "--out", "x.png"], "is not a run"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    write_session(tmp_path / "a.npz", 0)
    data = write_dataset(tmp_path, files={"train": ["a.npz"]})
    assert cli.main(["data", "graph", str(data), *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_attention_of_a_run_sums_to_one_and_is_what_its_layer_says(trained, tmp_path):
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
    """A network whose graph is the last sample of the signal, to every sensor from each."""

    def adjacency(self, x_BCT: torch.Tensor) -> torch.Tensor:
        return x_BCT[:, None, :, -1].expand(-1, x_BCT.shape[1], -1)


def test_a_network_that_makes_its_own_graph_is_asked_every_four_seconds(trained, monkeypatch):
    (recording, *_) = load_split(load_dataset(trained.data), "train")
    run = Run.load(trained.run)
    monkeypatch.setattr(run, "load_trained", lambda: (OwnGraph(), None))
    (hops,) = recording_hops(recording, run.make_frontend())
    size = round(4 / run.make_frontend().hop_s)
    want = np.mean([hop.signal[:, -1] for hop in hops[size - 1 :: size]], axis=0)
    np.testing.assert_allclose(mean_attention(run, recording), np.tile(want, (4, 1)), rtol=1e-5)


def test_a_network_without_a_graph_has_nothing_to_draw(trained, monkeypatch):
    (recording, *_) = load_split(load_dataset(trained.data), "train")
    run = Run.load(trained.run)
    monkeypatch.setattr(run, "load_trained", lambda: (torch.nn.Identity(), None))
    with pytest.raises(BadInput, match="has 0 graphs over its 4 channels, 1 or more are needed"):
        mean_attention(run, recording)


def test_a_network_whose_graph_is_switched_off_says_so(trained, monkeypatch):
    class Off(torch.nn.Module):
        def adjacency(self, x_BCT: torch.Tensor) -> torch.Tensor:
            raise ValueError("needs spatial = true")

    (recording, *_) = load_split(load_dataset(trained.data), "train")
    run = Run.load(trained.run)
    monkeypatch.setattr(run, "load_trained", lambda: (Off(), None))
    with pytest.raises(BadInput, match="needs spatial = true"):
        mean_attention(run, recording)
