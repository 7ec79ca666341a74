"""Every streaming layer keeps the contract; a layer without a row here fails the suite."""

import importlib
import pkgutil
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import decoder
from decoder.closed_form.base import ClosedForm
from decoder.graph.dynamic_graph import DynamicAdjacency, TemporalAttention
from decoder.graph.node_layers import ConvBlock, NodeWise
from decoder.layers.attention import WindowedAttention
from decoder.layers.band_entropy import BandEntropy
from decoder.layers.band_power import LogBandPower
from decoder.layers.conv import CausalConv, CausalMax, CausalMean, SensorConv
from decoder.layers.encoder import EncoderConfig, FeatureEncoder, Readout, StreamingNetwork
from decoder.layers.onset import OnsetSum
from decoder.layers.stems import SensorStem, SourceConv
from decoder.layers.transformer import TransformerBlock
from decoder.networks import NETWORKS, build_network
from decoder.networks.brain_module import ConvPair
from decoder.networks.chain import Chain
from decoder.networks.deep import DeepBlock
from decoder.networks.gat_transformer import GatTransformer, GatTransformerConfig
from decoder.networks.multipath import MultipathConfig, WaveletPath
from decoder.networks.stgate import BandConv, LearningBlock, StgateConfig
from decoder.streaming import Streaming
from tests.helpers import contract
from tests.helpers.closed_form import fitted
from tests.helpers.contract import Case

SHARED = {"n_channels": 5, "sfreq": 40.0, "hop_samples": 4, "embedding_dim": 7, "onset_features": 5}  # of any network
PLACES = ((0.0, 0.0, 0.1), (0.0, 0.1, 0.0), (0.1, 0.0, 0.0), (0.0, -0.1, 0.0), None)  # m
EEGNET = {"n_filters": 3, "kernel_s": 0.25, "separable_kernel_s": 0.4, "pool_s": 0.3}
POSITIONS = {"positions": tuple((0.01 * i * i, 0.1 * i, 0.0) for i in range(5)), "k_neighbours": 3}
OVER_TIME = {"n_heads": 2, "attention_window": 6}
BRAIN = {"n_virtual": 6, "n_waves": 3, "dim": 7, "head": (8, 9), "positions": PLACES}
STGATE = {"filters": (2, 3, 4), "node_features": 4, "graph_heads": 2, "graph_window_s": 0.4, "n_keep": 3}
STGATE |= OVER_TIME | POSITIONS
MULTIPATH = {"n_sources": 3, "raw_features": 2, "power_bands": 3, "power_sources": 2, "power_windows_s": (0.5, 1.0)}
MULTIPATH |= {"band_hz": (4.0, 15.0), "n_wavelets": 3}
SMALL = GatTransformerConfig(
    n_channels=5,
    sfreq=40.0,
    hop_samples=4,
    embedding_dim=7,
    positions=PLACES,
    dim=8,
    stem_features=4,
    k_neighbours=3,
    n_heads=2,
    attention_window=6,
    power_bands=3,
    power_sources=2,
    power_band_hz=(4.0, 15.0),
    power_windows_s=(0.5, 1.0),
    onset_features=5,
)

MEMBERS = [
    {"name": "lf_cnn", "config": SHARED | {"n_sources": 4, "kernel_s": 0.2}},
    {"name": "shallow", "config": SHARED | {"n_filters": 4, "kernel_s": 0.15, "pool_s": 0.5}},
]


def network(name: str, **options: object) -> Case:
    """A row for the network `name` with options that keep it small."""
    return Case(lambda: build_network(name, **SHARED, **options), SHARED["n_channels"], steps_last=False, onset=True)


def by_formula(name: str, **options: object) -> Case:
    """A row for a network that is fitted, after its fit: before, every answer is zero."""
    return Case(
        lambda: fitted(build_network(name, **SHARED, **options)), SHARED["n_channels"], steps_last=False, onset=True
    )


TWO = {
    "n_first": 2,
    "first": "shallow",
    "first_options": {"n_filters": 4, "kernel_s": 0.15, "pool_s": 0.5},
    "second": "tsconv",
    "second_options": {"n_filters": 4, "kernel_s": 0.1, "pool_s": 0.2},
}

CASES = {
    "conv": Case(lambda: CausalConv(3, 4, 5), 3),
    "conv, dilated": Case(lambda: CausalConv(3, 4, 3, dilation=4), 3),
    "conv, strided": Case(lambda: CausalConv(3, 4, 5, stride=3), 3),
    "conv, grouped, kernel = stride": Case(lambda: CausalConv(4, 8, 2, stride=2, groups=4, bias=False), 4),
    "mean": Case(lambda: CausalMean(3, 7), 3),
    "max": Case(lambda: CausalMax(8, 3), 8),
    "sensor conv": Case(lambda: SensorConv(3, 4, 5, 6), 3),
    "attention": Case(lambda: WindowedAttention(8, 2, 6), 8, time_last=False, steps_last=False),
    "block": Case(lambda: TransformerBlock(8, 2, 6), 8, time_last=False, steps_last=False),
    "power": Case(lambda: LogBandPower(3, 40.0, 4, 3, 2, (0.5, 1.0), band_hz=(4.0, 15.0)), 3),
    "since onset, mean": Case(lambda: OnsetSum(3, 0.9, "count"), 3, time_last=False, steps_last=False, onset=True),
    "since onset, sum": Case(lambda: OnsetSum(3, 0.9, "nothing"), 3, time_last=False, steps_last=False, onset=True),
    "since onset": Case(lambda: OnsetSum(3, 0.9), 3, time_last=False, steps_last=False, onset=True),
    "stem": Case(lambda: SensorStem(3, 4, 10, 4), 3, steps_last=False),
    "readout": Case(lambda: Readout(3, EncoderConfig(**SHARED), 4), 3, time_last=False, steps_last=False, onset=True),
    "gat_transformer": Case(lambda: GatTransformer(SMALL), 5, steps_last=False, onset=True),
    "per node": Case(lambda: NodeWise(ConvBlock(3, 3), 2), 6, time_last=False, steps_last=False),
    "per node, time last": Case(lambda: NodeWise(CausalConv(3, 2, 3), 2, True), 6, time_last=False, steps_last=False),
    "conv block": Case(lambda: ConvBlock(4, 3, 2, skip="gated"), 4, time_last=False, steps_last=False),
    "source conv": Case(lambda: SourceConv(3, 2, 4, 5, 4), 3, steps_last=False),
    "gat_fc": network("gat_fc", node_features=4, **POSITIONS),
    "cnn_transformer": network("cnn_transformer", n_sources=3, node_features=4, dim=8, **OVER_TIME),
    "transformer_cnn": network("transformer_cnn", node_features=4, dim=8, **OVER_TIME),
    "cnn_gat": network("cnn_gat", node_features=4, **POSITIONS),
    "transformer_gat": network("transformer_gat", node_features=4, **OVER_TIME, **POSITIONS),
    "cnn_transformer_gat": network("cnn_transformer_gat", n_sources=3, node_features=4, **OVER_TIME),
    "band entropy": Case(lambda: BandEntropy(3, 40.0, 4), 3, steps_last=False),
    "band conv": Case(lambda: BandConv(2, 3, 4, 3), 8, time_last=False, steps_last=False),
    "band conv, kernel 1": Case(lambda: BandConv(2, 3, 4, 1), 8, time_last=False, steps_last=False),
    "learning block": Case(
        lambda: LearningBlock(StgateConfig(**SHARED, **STGATE), 4), 4, time_last=False, steps_last=False
    ),
    "node matrix": Case(lambda: DynamicAdjacency(3, 2, 5, torch.eye(3)), 6, time_last=False, steps_last=False),
    "moment matrix": Case(lambda: TemporalAttention(3, 5), 3, time_last=False, steps_last=False),
    "moment matrix, one moment": Case(lambda: TemporalAttention(3, 1), 3, time_last=False, steps_last=False),
    "stgate": network("stgate", **STGATE),
    "stgate, moments": network("stgate", temporal="moments", **STGATE),
    "wavelets": Case(lambda: WaveletPath(MultipathConfig(**SHARED, **MULTIPATH)), 5),
    "multipath": network("multipath", **MULTIPATH),
    "atm": network("atm", token_width=4, n_heads=2, n_filters=4),
    "spatiotemporal": network("spatiotemporal", node_features=4, dim=8, **OVER_TIME),
    "eegnet": network("eegnet", **EEGNET),
    "eegnet_ssvep": network("eegnet_ssvep", **EEGNET),
    "deep block": Case(lambda: DeepBlock(3, 16, 3, 2, 2, limit=1.0, dropout=0.5), 3),
    "deep": network("deep", widths=(12, 5, 6, 7), pool_s=0.1),
    "shallow": network("shallow", n_filters=4, kernel_s=0.15, pool_s=0.5),
    "tsconv": network("tsconv", n_filters=4, kernel_s=0.1, pool_s=0.2),
    "lf_cnn": network("lf_cnn", n_sources=8, kernel_s=0.2),
    "var_cnn": network("var_cnn", n_sources=8, kernel_s=0.2),
    "conv pair": Case(lambda: ConvPair(3, 5, (1, 2), 1), 3),
    "conv pair, all skips": Case(lambda: ConvPair(4, 4, (2, 3), 2), 4),
    "brain_module": network("brain_module", **BRAIN, n_blocks=3),
    "meg_image": network("meg_image", **BRAIN),
    "matched_filter": by_formula("matched_filter", order=3, window_s=4.0),
    "riemann": by_formula("riemann", sources=2, window_s=4.0),
    "ensemble": network("ensemble", members=MEMBERS, join="mean"),
    "ensemble, concat": Case(
        lambda: build_network("ensemble", **SHARED | {"embedding_dim": 14}, members=MEMBERS, weights=(0.5, 2.0)),
        SHARED["n_channels"],
        steps_last=False,
        onset=True,
    ),
    "calibrated": network("calibrated", network=MEMBERS[0]),
    "fusion": network("fusion", **TWO),
    "fusion, concat": network("fusion", rule="concat_half", **TWO),
    "fusion, cross": network("fusion", rule="cross_attention", width=8, n_heads=2, window=3, **TWO),
}
FINITE = {name: case for name, case in CASES.items() if case.make().receptive_field is not None}
CACHED = {
    name: case for name, case in CASES.items() if any(key.split(".")[-1] == "k" for key in case.make().init_state(1))
}


def rows(cases: dict[str, Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases.values(), ids=cases)


def test_every_streaming_layer_has_a_row() -> None:
    """A layer added to `decoder` without a row in the table fails here."""
    for module in pkgutil.walk_packages(decoder.__path__, "decoder."):
        importlib.import_module(module.name)
    pending, found = [Streaming], set()
    while pending:
        below = [kind for kind in pending.pop().__subclasses__() if kind.__module__.startswith("decoder.")]
        found.update(below)
        pending += below
    found -= {StreamingNetwork, FeatureEncoder, Chain, ClosedForm}  # what networks share; not networks themselves
    assert found == {type(case.make()) for case in CASES.values()}


def test_every_network_that_streams_has_a_row_under_its_name() -> None:
    for name, kind in NETWORKS.items():
        assert issubclass(kind.network, Streaming) == kind.streaming
        if kind.streaming:
            assert type(CASES[name].make()) is kind.network


@rows(CASES)
@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, 24), max_size=12))
def test_any_chunking_equals_the_whole(case: Case, cuts: list[int]) -> None:
    contract.check_chunks(case, cuts)


@rows(CASES)
def test_one_step_at_a_time_equals_the_whole(case: Case) -> None:
    contract.check_chunks(case, list(range(24)))


@rows(CASES)
def test_gradient_to_the_future_is_exactly_zero(case: Case) -> None:
    contract.check_causal(case)


@rows(CASES)
def test_empty_chunk_is_harmless_and_states_keep_their_shape(case: Case) -> None:
    contract.check_state(case)


@rows(CASES)
def test_streams_in_one_batch_do_not_mix(case: Case) -> None:
    contract.check_batch(case)


@rows(FINITE)
def test_receptive_field_is_as_declared(case: Case) -> None:
    contract.check_receptive_field(case)


@rows(CACHED)
def test_empty_cache_slots_have_no_influence(case: Case) -> None:
    contract.check_unread_slots(case)


@rows(CASES)
def test_onnx_equals_torch(case: Case, tmp_path: Path) -> None:
    contract.check_onnx(case, tmp_path)
