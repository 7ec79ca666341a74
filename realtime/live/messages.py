"""Messages of a session, protocol version 1: made where the event happens, numbered and encoded once by the hub.

The field names are those of the JSON text. Times are LSL `local_clock()` seconds, probabilities 0 to 1.
"""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import PlainSerializer, PlainValidator, TypeAdapter, WithJsonSchema

from realtime.decoding.decision import Candidate

if TYPE_CHECKING:
    from realtime.decoding.decoder import Decoder

PROTOCOL: Literal[1] = 1
LASTING_STATES = ("connecting", "live", "stale", "lost", "mismatch")  # every other state is a moment
ARRAYS = ("p", "embedding")  # fields of a decision that are written only for clients that request them

Vector = Annotated[
    np.ndarray,
    PlainValidator(lambda values: np.asarray(values, float)),
    PlainSerializer(lambda values: values.tolist(), return_type=list[float]),
    WithJsonSchema(TypeAdapter(list[float]).json_schema()),
]


@dataclass(frozen=True, kw_only=True)
class BundleInfo:
    """What clients need to know of a bundle."""

    name: str
    note: str  # what the labels' space is and is not, in one line
    bundle: str  # sha256 of the bundle's manifest
    labels: tuple[str, ...]
    channels: tuple[str, ...]  # in the order of the frames of /signal
    events: dict[str, str]  # marker -> label
    sfreq: float  # rate that the stream must have, Hz
    hop_s: float  # seconds of signal between two decisions
    # Seconds since onset, from and to, that the accuracy was measured on; a trial ends at the latter.
    window_s: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class HelloMessage(BundleInfo):
    """First message of every connection, and again when another bundle takes over."""

    type: Literal["hello"] = "hello"
    seq: int = 0
    protocol: Literal[1] = PROTOCOL
    session: str
    # Set by the hub; another one when a session of this name is started anew: numbers then start again at 1.
    run: str = ""
    stream: str

    @classmethod
    def of(cls, info: BundleInfo, session: str, stream: str) -> "HelloMessage":
        """The message for one session."""
        return cls(**vars(info), session=session, stream=stream)


@dataclass(frozen=True)
class StatusMessage:
    """What happened to the stream or the session, in one sentence."""

    session: str
    state: str
    detail: str
    lasting: bool  # whether it holds until the next lasting one; else it is a moment
    seq: int = 0
    type: Literal["status"] = "status"


@dataclass(frozen=True)
class TrialMessage:
    """A marker began a trial."""

    session: str
    trial: int  # trials since the stream began
    t_onset: float
    marker: str
    label: str | None  # what the marker stands for, where the bundle has it
    seq: int = 0
    type: Literal["trial"] = "trial"


@dataclass(frozen=True)
class Quality:
    """What was wrong with the samples that a decision used."""

    gap: bool
    bad_channels: tuple[str, ...] = ()
    artifact: bool = False


@dataclass(frozen=True, kw_only=True)
class DecisionMessage:
    """The decision after one hop of samples."""

    type: Literal["decision"] = "decision"
    seq: int = 0
    session: str
    hop: int
    sample: int  # number of the newest sample used
    trial: int | None
    t_lsl: float  # when that sample was taken
    t_onset: float | None
    since_onset_s: float | None
    top: tuple[Candidate, ...]  # best first
    decided: bool
    quality: Quality
    latency_ms: dict[str, float]
    clock_offset_ms: float | None = None  # the stream's clock minus this machine's, where known
    bundle: str
    p: Vector | None = field(default=None, compare=False)  # (n_labels,), in the order of `hello`
    embedding: Vector | None = field(default=None, compare=False)  # (dim,)


@dataclass(frozen=True)
class DroppedMessage:
    """The client was too slow, or away too long: it lost `count` messages up to number `seq`."""

    session: str
    count: int
    seq: int = 0
    type: Literal["dropped"] = "dropped"


@dataclass(frozen=True)
class TraceFrame:
    """Decimated samples for the traces; sent as a binary frame, never as JSON."""

    session: str
    t_first: float  # time of the first sample
    sfreq: float  # Hz
    samples: np.ndarray  # float32 (n_times, n_channels), microvolts
    type: Literal["signal"] = "signal"


EventMessage = HelloMessage | StatusMessage | TrialMessage | DecisionMessage | DroppedMessage
Message = EventMessage | TraceFrame


def bundle_info(decoder: "Decoder") -> BundleInfo:
    """The facts of a decoder's bundle."""
    bundle, manifest = decoder.bundle, decoder.bundle.manifest
    return BundleInfo(
        name=manifest.name,
        note=manifest.note,
        bundle=bundle.hash,
        labels=tuple(bundle.bank.names),
        channels=decoder.ch_names,
        events=dict(manifest.events),
        sfreq=manifest.sfreq,
        hop_s=decoder.frontend.hop_s,
        window_s=(manifest.window_s[0], manifest.window_s[1]),
    )


def status_message(session: str, state: str, detail: str) -> StatusMessage:
    """A status, lasting where its state is."""
    return StatusMessage(session, state, detail, state in LASTING_STATES)


def encode(message: EventMessage, seq: int | None = None, **more: float) -> str:
    """Compact JSON of a message without its arrays, with `seq` and other fields where given.

    Raises ValueError for NaN and Inf, which no browser can read.
    """
    fields = {**vars(message), "seq": seq, **more}
    fields.pop("p", None)
    fields.pop("embedding", None)
    if seq is None:
        del fields["seq"]
    return _JSON.encode(fields)


def _plain(value: Any) -> Any:
    """Dataclasses as their fields, numpy values as numbers and lists; by the fastest test, as it runs at every hop."""
    fields = getattr(value, "__dict__", None)
    return value.tolist() if fields is None else fields


# Messages have no cycles, and the check for them takes time.
_JSON = json.JSONEncoder(separators=(",", ":"), default=_plain, allow_nan=False, check_circular=False)
