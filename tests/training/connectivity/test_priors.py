"""Priors have the coupling of simulated signals, and refuse what cannot be computed."""

import json

import numpy as np
import pytest

from realtime.errors import BadInput
from tests.helpers.coupled_signals import ALPHA, POSITIONS, SFREQ, driven_chain, shared_rhythm
from training.connectivity.priors import PRIOR_KINDS, build_prior, coupling, graph_of

ZERO_LAG = {"correlation", "coherence", "plv"}


def mean_coupling(kind: str, signals: list[np.ndarray]) -> np.ndarray:
    return coupling(kind, signals, SFREQ, POSITIONS, ALPHA).mean(axis=0)


@pytest.mark.parametrize("kind", PRIOR_KINDS)
def test_coupling_is_in_range_with_a_zero_diagonal(kind):
    signals = shared_rhythm(lag=2, seed=3)
    result = coupling(kind, signals, SFREQ, POSITIONS, ((4.0, 8.0), (8.0, 13.0)))
    assert result.shape == (1 if kind in ("distance", "granger") else 2, 4, 4)
    assert (result >= 0).all()
    assert kind == "granger" or (result <= 1).all()
    assert not np.diagonal(result, axis1=1, axis2=2).any()
    if kind not in ("granger", "pdc"):
        np.testing.assert_allclose(result, result.transpose(0, 2, 1), atol=1e-12)


def test_near_sensors_come_first_and_one_without_a_position_has_only_itself():
    places = np.vstack([POSITIONS, np.full(3, np.nan)])
    graph = build_prior("distance", [], SFREQ, places, k=2)
    assert graph.neighbours == ((0, 1, 2), (1, 0, 3), (2, 0, -1), (3, 1, -1), (4, -1, -1))
    assert graph.edge_features[0][0] == graph.edge_features[4][2] == (0.0,)
    assert graph.edge_features[0][1] > graph.edge_features[0][2] > (0.0,)


def test_sensors_of_one_meg_unit_are_nearest_to_each_other():
    places = np.repeat(POSITIONS, 3, axis=0)
    result = coupling("distance", [], SFREQ, places)[0]
    np.testing.assert_array_equal(result[0, 1:3], 1.0)
    np.testing.assert_array_equal(result[::3, ::3], coupling("distance", [], SFREQ, POSITIONS)[0])


def test_an_undirected_graph_is_symmetric_and_a_directed_row_has_k_entries():
    strength = np.array([[[0, 3, 2, 1], [0, 0, 0, 9], [1, 0, 0, 0], [0, 0, 1, 0]]], float)
    assert graph_of("granger", strength, 2).neighbours == ((0, 1), (1, 3), (2, 0), (3, 2))
    rows = graph_of("wpli", strength + strength.transpose(0, 2, 1), 2).neighbours
    assert all(i in rows[j] for i, row in enumerate(rows) for j in row if j >= 0)


def test_options_are_json_with_one_feature_per_band():
    options = build_prior(
        "wpli", shared_rhythm(lag=2), SFREQ, POSITIONS, k=3, bands=((4.0, 8.0), (8.0, 13.0))
    ).options()
    stored = json.loads(json.dumps(options, allow_nan=False))
    neighbours, features = np.array(stored["neighbours"]), np.array(stored["edge_features"])
    assert features.shape == (*neighbours.shape, 2)
    assert neighbours[:, 0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", [kind for kind in PRIOR_KINDS if kind != "distance"])
def test_a_flat_channel_is_refused_by_name(kind):
    x = driven_chain()[0]
    x[2] = 7.0
    with pytest.raises(BadInput, match="channel Oz is flat, so 3 of 4 channels"):
        build_prior(kind, [x], SFREQ, POSITIONS, 2, ALPHA, ch_names=["Fz", "Cz", "Oz", "Pz"])


def test_an_unknown_kind_and_missing_positions_are_refused():
    with pytest.raises(BadInput, match="kind 'pearson' is not known, one of distance, correlation"):
        build_prior("pearson", [], SFREQ, POSITIONS, 2)
    with pytest.raises(BadInput, match="0 of 3 channels have a position, 2 or more"):
        build_prior("distance", [], SFREQ, np.full((3, 3), np.nan), 2)
