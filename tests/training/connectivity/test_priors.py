"""Planted couplings are found, and what is no coupling is not."""

import json

import numpy as np
import pytest
from scipy.signal import coherence, lfilter

from realtime.errors import BadInput
from training.connectivity.priors import KINDS, build_prior, coupling, graph_of
from training.connectivity.spectral import SPECTRAL, pli, plv, wpli

SFREQ, ALPHA = 128.0, ((8.0, 13.0),)
POSITIONS = np.array([[0.0, 0.0, 0.0], [0.01, 0.0, 0.0], [0.0, 0.02, 0.0], [0.05, 0.0, 0.0]])
ZERO_LAG = {"correlation", "coherence", "plv"}


def narrow(n_times: int, rng: np.random.Generator) -> np.ndarray:
    """A rhythm at 10 Hz of changing size and phase."""
    r, angle = 0.97, 2 * np.pi * 10 / SFREQ
    return lfilter([1.0], [1.0, -2 * r * np.cos(angle), r * r], rng.standard_normal(n_times))


def pair(lag: int, seed: int = 0, n_times: int = 12800) -> list[np.ndarray]:
    """Channels 0 and 1 share a rhythm, 1 later by `lag` samples; 2 and 3 each have their own."""
    rng = np.random.default_rng(seed)
    shared, *own = (narrow(n_times + lag, rng) for _ in range(3))
    x = np.array([shared[lag:], shared[:n_times], *(one[:n_times] for one in own)])
    x += x.std() * rng.standard_normal(x.shape)
    return [x[:, : n_times // 2], x[:, n_times // 2 :]]


def of(kind: str, signals: list[np.ndarray]) -> np.ndarray:
    return coupling(kind, signals, SFREQ, POSITIONS, ALPHA).mean(axis=0)


def chain(seed: int = 0) -> list[np.ndarray]:
    """0 drives 1 and 1 drives 2; 3 is alone."""
    rng = np.random.default_rng(seed)
    x = np.zeros((4, 8000))
    for t in range(2, 8000):
        x[:, t] = 0.4 * x[:, t - 1] + rng.standard_normal(4)
        x[1, t] += 0.6 * x[0, t - 2]
        x[2, t] += 0.6 * x[1, t - 1]
    return [x[:, :4000], x[:, 4000:]]


@pytest.mark.parametrize("kind", SPECTRAL)
def test_a_shared_rhythm_with_a_lag_is_the_strongest_coupling(kind):
    found = of(kind, pair(lag=3))  # a quarter of a cycle
    if kind == "correlation":  # blind to a quarter of a cycle by definition
        found = of(kind, pair(lag=1))
    assert np.unravel_index(found.argmax(), found.shape) in {(0, 1), (1, 0)}
    others = np.delete(found.ravel(), [1, 4])
    assert found[0, 1] > 2 * others.max()


@pytest.mark.parametrize("kind", SPECTRAL)
def test_what_reaches_two_sensors_at_once_counts_only_where_it_must(kind):
    """Zero lag: coherence, PLV and correlation take it for coupling, the measures of the imaginary part do not."""
    found = of(kind, pair(lag=0))
    if kind in ZERO_LAG:
        assert found[0, 1] > 2 * found[2, 3]
        assert found[0, 1] > 0.2
    else:
        assert found[0, 1] < 0.3


@pytest.mark.parametrize("kind", KINDS)
def test_a_coupling_lies_in_range_and_nothing_is_coupled_to_itself(kind):
    signals = pair(lag=2, seed=3)
    found = coupling(kind, signals, SFREQ, POSITIONS, ((4.0, 8.0), (8.0, 13.0)))
    assert found.shape == (1 if kind in ("distance", "granger") else 2, 4, 4)
    assert (found >= 0).all()
    assert kind == "granger" or (found <= 1).all()
    assert not np.diagonal(found, axis1=1, axis2=2).any()
    if kind not in ("granger", "pdc"):
        np.testing.assert_allclose(found, found.transpose(0, 2, 1), atol=1e-12)


def test_coherence_is_that_of_scipy():
    (x, *_) = pair(lag=2)
    hz, want = coherence(x[0], x[1], SFREQ, "hann", nperseg=128)
    assert of("coherence", [x])[0, 1] == pytest.approx(want[(hz >= 8) & (hz <= 13)].mean(), rel=1e-9)


def test_plv_pli_and_wpli_are_the_means_they_are_named_after():
    """Three windows' phases at one frequency, written out."""
    z = np.exp(1j * np.array([[0.0, 0.5], [0.0, 1.0], [0.0, -0.2]]))[:, :, None] * np.array([1.0, 2.0])[:, None]
    lead = -np.array([0.5, 1.0, -0.2])
    assert plv(z)[0, 1] == pytest.approx(abs(np.exp(1j * lead).mean()))
    assert pli(z)[0, 1] == pytest.approx(1 / 3)
    assert wpli(z)[0, 1] == pytest.approx(abs(np.sin(lead).sum()) / abs(np.sin(lead)).sum())


@pytest.mark.parametrize("kind", ["granger", "pdc"])
def test_a_driver_stands_in_the_row_of_the_driven_and_a_chain_has_no_shortcut(kind):
    found = coupling(kind, chain(), SFREQ, POSITIONS, ((1.0, 60.0),))[0]
    planted = np.zeros((4, 4), bool)
    planted[1, 0] = planted[2, 1] = True
    assert found[planted].min() > 0.15
    assert found[~planted].max() < 0.1


def test_granger_is_the_log_ratio_of_variances_of_two_fits():
    """Against least squares done twice, with and without the driver."""
    (x,) = [np.concatenate(chain(), axis=1)]
    found = coupling("granger", [x], SFREQ, POSITIONS)[0, 1, 0]
    centred = x - x.mean(axis=1, keepdims=True)
    past = np.concatenate([centred[:, 8 - lag : -lag] for lag in (1, 2)])

    def variance(regressors: np.ndarray) -> float:
        now = centred[1, 8:]
        return float(np.var(now - np.linalg.lstsq(regressors.T, now)[0] @ regressors))

    assert found == pytest.approx(np.log(variance(past[[1, 2, 3, 5, 6, 7]]) / variance(past)), rel=1e-3)


def test_loudness_does_not_make_a_driver():
    loud = [np.array([1.0, 1.0, 1.0, 1000.0])[:, None] * x for x in chain()]
    np.testing.assert_allclose(of("pdc", loud), of("pdc", chain()), atol=1e-8)


def test_near_sensors_come_first_and_one_without_a_place_has_only_itself():
    places = np.vstack([POSITIONS, np.full(3, np.nan)])
    graph = build_prior("distance", [], SFREQ, places, k=2)
    assert graph.neighbours == ((0, 1, 2), (1, 0, 3), (2, 0, -1), (3, 1, -1), (4, -1, -1))
    assert graph.edge_features[0][0] == graph.edge_features[4][2] == (0.0,)
    assert graph.edge_features[0][1] > graph.edge_features[0][2] > (0.0,)


def test_the_sensors_of_one_meg_unit_share_a_place_and_are_joined_first():
    places = np.repeat(POSITIONS, 3, axis=0)
    found = coupling("distance", [], SFREQ, places)[0]
    np.testing.assert_array_equal(found[0, 1:3], 1.0)
    np.testing.assert_array_equal(found[::3, ::3], coupling("distance", [], SFREQ, POSITIONS)[0])


def test_an_undirected_graph_is_symmetric_and_a_directed_one_keeps_k():
    wanted = np.array([[[0, 3, 2, 1], [0, 0, 0, 9], [1, 0, 0, 0], [0, 0, 1, 0]]], float)
    assert graph_of("granger", wanted, 2).neighbours == ((0, 1), (1, 3), (2, 0), (3, 2))
    rows = graph_of("wpli", wanted + wanted.transpose(0, 2, 1), 2).neighbours
    assert all(i in rows[j] for i, row in enumerate(rows) for j in row if j >= 0)


def test_options_are_json_with_a_feature_per_band():
    options = build_prior("wpli", pair(lag=2), SFREQ, POSITIONS, k=3, bands=((4.0, 8.0), (8.0, 13.0))).options()
    stored = json.loads(json.dumps(options, allow_nan=False))
    neighbours, features = np.array(stored["neighbours"]), np.array(stored["edge_features"])
    assert features.shape == (*neighbours.shape, 2)
    assert neighbours[:, 0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", SPECTRAL)
def test_too_few_windows_are_refused_with_both_counts(kind):
    with pytest.raises(BadInput, match="9 windows of 1 s fit into 640 samples at 128 Hz, 30 or more are needed"):
        of(kind, [pair(lag=2)[0][:, :640]])


def test_too_few_samples_for_an_autoregressive_model_are_refused_with_both_counts():
    with pytest.raises(BadInput, match="32 samples of 4 channels with a past .* 40 or more are needed"):
        of("granger", [chain()[0][:, :40]])


def test_a_channel_that_is_the_sum_of_others_is_refused_with_both_ranks():
    x = chain()[0]
    x[3] = x[0] + x[1]
    with pytest.raises(BadInput, match="covariance of 4 channels has rank 3, 4 is needed"):
        of("pdc", [x])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "distance"])
def test_a_flat_channel_is_named(kind):
    x = chain()[0]
    x[2] = 7.0
    with pytest.raises(BadInput, match="channel Oz is flat, so 3 of 4 channels"):
        build_prior(kind, [x], SFREQ, POSITIONS, 2, ALPHA, ch_names=["Fz", "Cz", "Oz", "Pz"])


def test_a_band_between_two_frequencies_is_refused():
    with pytest.raises(BadInput, match="band 9.2 to 9.8 Hz holds none of the frequencies 1, 2 .. 63 Hz"):
        coupling("plv", pair(lag=1), SFREQ, POSITIONS, ((9.2, 9.8),))


def test_an_unknown_kind_and_no_place_at_all_are_refused():
    with pytest.raises(BadInput, match="kind 'pearson' is not known, one of distance, correlation"):
        build_prior("pearson", [], SFREQ, POSITIONS, 2)
    with pytest.raises(BadInput, match="0 of 3 channels have a position, 2 or more"):
        build_prior("distance", [], SFREQ, np.full((3, 3), np.nan), 2)
