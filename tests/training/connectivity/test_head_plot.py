"""The picture of a graph shows each edge between its sensors."""

from pathlib import Path

import numpy as np
import pytest

from glimpse import cli
from realtime.errors import BadInput
from realtime.sensors.montage import positions
from tests.helpers.rhythm_dataset import write_dataset, write_session
from training.connectivity.head_plot import coupling_matrix, list_edges, plot_graph, project_to_plane
from training.connectivity.priors import graph_of

NAMES = ("Fpz", "Oz", "T7", "T8", "Cz", "C3", "Fz")


def test_nose_is_up_right_is_right_and_the_temples_are_on_the_rim():
    plane = dict(zip(NAMES, project_to_plane(positions(NAMES)), strict=True))
    assert np.linalg.norm(plane["Cz"]) < 0.1
    for name, direction in (("Fpz", (0, 1)), ("Oz", (0, -1)), ("T7", (-1, 0)), ("T8", (1, 0))):
        np.testing.assert_allclose(plane[name], direction, atol=0.17)
    assert plane["C3"][0] == pytest.approx(plane["T7"][0] / 2, abs=0.1)


def test_an_undirected_pair_is_listed_once_and_a_directed_one_by_direction():
    symmetric = np.array([[0, 0.5, 0], [0.5, 0, 0.9], [0, 0.9, 0]])
    assert list_edges(symmetric) == ([(1, 2, 0.9), (0, 1, 0.5)], False)
    assert list_edges(np.triu(symmetric) + 7 * np.eye(3)) == ([(1, 2, 0.9), (0, 1, 0.5)], True)


def test_the_coupling_matrix_has_the_edges_of_the_prior_only():
    strength = np.array([[[0, 3, 2], [0, 0, 1], [4, 0, 0]], [[0, 1, 0], [0, 0, 1], [2, 0, 0]]], float)
    assert coupling_matrix(graph_of("granger", strength, 2)).tolist() == [[0, 2, 0], [0, 0, 1], [3, 0, 0]]


def pixels(path: Path) -> np.ndarray:
    from matplotlib.image import imread

    return imread(path)[..., :3]


def test_an_edge_is_visible_between_its_sensors(tmp_path):
    """Pixels differ from those of the picture without it, and only right of the middle line."""
    weights = np.zeros((7, 7))
    weights[3, 4] = weights[4, 3] = weights[1, 6] = weights[6, 1] = 1.0
    plot_graph(weights, positions(NAMES), tmp_path / "first.png", NAMES)
    weights[3, 4] = weights[4, 3] = 0.0
    weights[3, 6] = weights[6, 3] = 1.0  # the same number of edges, so the same title
    plot_graph(weights, positions(NAMES), tmp_path / "second.png", NAMES)
    first, second = pixels(tmp_path / "first.png"), pixels(tmp_path / "second.png")
    rows, columns = np.nonzero(np.abs(first - second).max(axis=-1) > 0.2)
    assert len(rows) > 500
    assert np.quantile(columns, 0.05) > 0.4 * first.shape[1]


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_nameless_sensors_and_an_empty_graph_are_pixels(tmp_path, suffix):
    out = tmp_path / f"graph.{suffix}"
    plot_graph(np.zeros((7, 7)), positions(NAMES), out)
    assert out.stat().st_size > 2000


def test_too_few_positions_are_refused(tmp_path):
    with pytest.raises(BadInput, match="1 of 3 channels have a position, 2 or more"):
        plot_graph(np.ones((3, 3)), positions(("Cz", "EMG", "ECG")), tmp_path / "x.png", ("Cz", "EMG", "ECG"))


def test_the_command_draws_the_graph_of_the_training_files_only(tmp_path, capsys):
    """The files of `valid` and `test` do not exist."""
    for seed, name in enumerate("ab"):
        write_session(tmp_path / f"{name}.npz", seed)
    data, out = write_dataset(tmp_path, files={"train": ["a.npz", "b.npz"]}), tmp_path / "graph.png"
    assert cli.main(["data", "graph", str(data), "--kind", "plv", "--k", "2", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "rhythms: plv" in printed
    assert "edges between 4 sensors" in printed
    assert pixels(out).std() > 0.05


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--kind", "pearson", "--out", "x.png"], "kind 'pearson' is not known"),
        (["--out", "x.txt"], "ends in .txt, one of .png, .pdf, .svg is needed"),
        (["--out", "nowhere/x.png"], "there is no folder"),
        (["--run", "nowhere", "--out", "x.png"], "is not a run"),
    ],
)
def test_a_graph_that_cannot_be_drawn_is_refused(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    write_session(tmp_path / "a.npz", 0)
    data = write_dataset(tmp_path, files={"train": ["a.npz"]})
    assert cli.main(["data", "graph", str(data), *arguments]) == 2
    assert sentence in capsys.readouterr().err
