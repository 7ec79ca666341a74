"""The networks by the names that manifests use."""

import dataclasses
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, NamedTuple

from pydantic import ValidationError

from decoder.config import first_fault
from decoder.layers.encoder import EncoderConfig, Network
from decoder.networks import ensemble, fusion, personal
from decoder.networks.atm import Atm, AtmConfig
from decoder.networks.brain_module import BrainModule, BrainModuleConfig, MegImageConfig
from decoder.networks.combinations import (
    CnnGat,
    CnnGatConfig,
    CnnTransformer,
    CnnTransformerConfig,
    CnnTransformerGat,
    CnnTransformerGatConfig,
    GatFc,
    GatFcConfig,
    TransformerCnn,
    TransformerCnnConfig,
    TransformerGat,
    TransformerGatConfig,
)
from decoder.networks.deep import Deep, DeepConfig
from decoder.networks.eegnet import EegNet, EegNetConfig, EegNetSsvepConfig
from decoder.networks.ensemble import Ensemble, EnsembleConfig
from decoder.networks.flat_mlp import FlatMlp, FlatMlpConfig
from decoder.networks.fusion import FusionConfig, FusionNetwork
from decoder.networks.gat_transformer import GatTransformer, GatTransformerConfig
from decoder.networks.lf_cnn import LfCnn, LfCnnConfig, VarCnn
from decoder.networks.matched_filter import MatchedFilter, MatchedFilterConfig
from decoder.networks.multipath import Multipath, MultipathConfig
from decoder.networks.personal import PersonalConfig, PersonalNetwork
from decoder.networks.riemann import Riemann, RiemannConfig
from decoder.networks.shallow import Shallow, ShallowConfig
from decoder.networks.spatiotemporal import SpatioTemporal, SpatioTemporalConfig
from decoder.networks.stgate import Stgate, StgateConfig
from decoder.networks.tsconv import TsConv, TsConvConfig


class NetworkEntry(NamedTuple):
    """How to build a network and what it is."""

    config: type[EncoderConfig]
    network: type[Network]
    about: str
    streaming: bool = True  # False: takes whole windows, so a teacher and a baseline only
    # For a network that contains others: from its config to their names and configs, by a name for each.
    member_specs: Callable[[Any], dict[str, dict[str, Any]]] | None = None


NETWORKS: dict[str, NetworkEntry] = {
    "gat_transformer": NetworkEntry(
        GatTransformerConfig,
        GatTransformer,
        "graph attention over sensors, tokens summed since onset, band power, causal transformer",
    ),
    "gat_fc": NetworkEntry(
        GatFcConfig, GatFc, "filters per electrode, graph attention, dense readout: smallest graph network"
    ),
    "cnn_transformer": NetworkEntry(
        CnnTransformerConfig, CnnTransformer, "convolution in space and time, then transformer, as EEG Conformer"
    ),
    "transformer_cnn": NetworkEntry(
        TransformerCnnConfig, TransformerCnn, "transformer over hops, then convolutions over hops"
    ),
    "cnn_gat": NetworkEntry(CnnGatConfig, CnnGat, "convolutions over time per electrode, then graph attention"),
    "transformer_gat": NetworkEntry(
        TransformerGatConfig, TransformerGat, "transformer per electrode, then graph attention"
    ),
    "cnn_transformer_gat": NetworkEntry(
        CnnTransformerGatConfig,
        CnnTransformerGat,
        "spatial convolution to latent sources, transformer per source, graph attention between sources",
    ),
    "stgate": NetworkEntry(
        StgateConfig, Stgate, "band entropy, transformer per electrode, a learned graph at every hop"
    ),
    "multipath": NetworkEntry(
        MultipathConfig, Multipath, "raw convolution, band power and learned wavelets, concatenated"
    ),
    "atm": NetworkEntry(AtmConfig, Atm, "channels as tokens, then temporal and spatial convolution"),
    "spatiotemporal": NetworkEntry(
        SpatioTemporalConfig, SpatioTemporal, "band entropy, attention among electrodes, then attention over time"
    ),
    "eegnet": NetworkEntry(
        EegNetConfig, EegNet, "EEGNet-8,2: temporal and spatial filters, separable convolution; smallest"
    ),
    "eegnet_ssvep": NetworkEntry(
        EegNetSsvepConfig, EegNet, "EEGNet with a kernel of one second, for steady-state responses"
    ),
    "deep": NetworkEntry(DeepConfig, Deep, "DeepConvNet: four blocks of convolution and trailing maximum"),
    "shallow": NetworkEntry(ShallowConfig, Shallow, "ShallowConvNet: log power of learned sources, for rhythms"),
    "tsconv": NetworkEntry(TsConvConfig, TsConv, "NICE: temporal filters per sensor, mean, spatial filters"),
    "lf_cnn": NetworkEntry(LfCnnConfig, LfCnn, "LF-CNN: 32 latent sources, a filter each; can show its patterns"),
    "var_cnn": NetworkEntry(LfCnnConfig, VarCnn, "VAR-CNN: LF-CNN in which every filter sees all sources"),
    "brain_module": NetworkEntry(
        BrainModuleConfig,
        BrainModule,
        "speech-MEG brain module: attention by sensor place, dilated convolutions; large",
    ),
    "meg_image": NetworkEntry(
        MegImageConfig, BrainModule, "brain module for images: two blocks and a wide head; needs positions"
    ),
    "matched_filter": NetworkEntry(
        MatchedFilterConfig, MatchedFilter, "matched filter of evoked activity in coloured noise; fitted in seconds"
    ),
    "riemann": NetworkEntry(
        RiemannConfig, Riemann, "Xdawn, running covariance, tangent space, linear head; fitted in seconds"
    ),
    "flat_mlp": NetworkEntry(
        FlatMlpConfig, FlatMlp, "flat MLP over the whole window: teacher and baseline, not live", streaming=False
    ),
    "ensemble": NetworkEntry(
        EnsembleConfig,
        Ensemble,
        "several runs as one network: `glimpse export RUN RUN ...` makes it",
        member_specs=ensemble.member_specs,
    ),
    "calibrated": NetworkEntry(
        PersonalConfig,
        PersonalNetwork,
        "a network fitted to one person in minutes: `glimpse calibrate BUNDLE` makes it",
        member_specs=personal.member_specs,
    ),
    "fusion": NetworkEntry(
        FusionConfig,
        FusionNetwork,
        "two networks, one a modality (EEG and MEG), fused so that either alone decodes",
        member_specs=fusion.member_specs,
    ),
}


def build_network(name: str, **config: Any) -> Network:
    """The network `name` from its config as JSON holds it; ValueError names an unknown or missing key.

    Networks that it contains are built first and handed to it.
    """
    if name not in NETWORKS:
        raise ValueError(f"network {name!r} is not known, needs one of {', '.join(NETWORKS)}")
    entry = NETWORKS[name]
    fields = {field.name: field for field in dataclasses.fields(entry.config)}
    for key in config:
        if key not in fields:
            near = get_close_matches(key, fields, 1)
            raise ValueError(f"{name}: unknown key {key!r}, " + (f"perhaps {near[0]!r}" if near else "remove it"))
    for key, field in fields.items():
        if field.default is dataclasses.MISSING and key not in config:
            raise ValueError(f"{name}: key {key!r} is missing")
    values = {key: tuples(value) for key, value in config.items()}
    try:
        settings = entry.config(**values)
    except ValidationError as error:
        key, value, needed = first_fault(error, entry.config, values)
        raise ValueError(f"{entry.config.__name__}: {key} {value!r}, needs {needed}") from None
    if entry.member_specs is None:
        return entry.network(settings)
    specs = entry.member_specs(settings)
    members = {key: build_network(spec.get("name", ""), **spec.get("config", {})) for key, spec in specs.items()}
    return entry.network(settings, members)


def tuples(value: Any) -> Any:
    """Lists, which JSON has, as tuples, which a frozen config has."""
    return tuple(tuples(item) for item in value) if isinstance(value, list | tuple) else value
