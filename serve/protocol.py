"""Protocol version 1: what travels over the network, as pydantic models and one binary frame; docs/protocol.md in code.

Times are LSL `local_clock()` seconds, probabilities 0 to 1, durations in the unit of their name.
"""

import struct
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

VERSION = 1

BUNDLE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
FRAME = struct.Struct("<ddIIII")  # t_first, sfreq, seq, n_times, n_channels, 0; then float32 microvolts, time-major


class SessionRequest(BaseModel):
    """Body of POST /v1/sessions; what is left out is as the server was started."""

    model_config = ConfigDict(extra="forbid")

    stream: str = Field(min_length=1, description="name or source_id of the LSL stream to decode")
    markers: str | None = Field(
        None,
        min_length=1,
        description="names or source_ids of marker streams, with commas between; left out: every one in sight",
    )
    bundle: str | None = Field(
        None,
        pattern=BUNDLE_NAME,
        description="folder name of a bundle beside the one the server was started with; left out: that one",
    )
    delay_s: float | None = Field(
        None, ge=0, le=10, description="constant delay of the device, s: a sample stamped t was taken at t - delay_s"
    )
    tracks: int | None = Field(None, ge=1, le=32, description="overlapping trials decoded at once")
    adapt: bool | None = Field(None, description="let the labels' vectors follow the person as labelled trials end")
    lsl: bool | None = Field(None, description="publish decisions as LSL streams too")
    record: bool | None = Field(None, description="record into the folder the server was started with")
    paused: bool = Field(False, description="open it paused, to be given the state of another session")


class BundleRequest(BaseModel):
    """Body of POST /v1/sessions/{session}/bundle."""

    model_config = ConfigDict(extra="forbid")

    bundle: str = Field(
        pattern=BUNDLE_NAME, description="folder name of a bundle beside the one the server was started with"
    )


class Session(BaseModel):
    """One stream decoded by one bundle."""

    session: str
    stream: str
    markers: str | None
    bundle: str = Field(description="sha256 of the bundle's manifest")
    state: str = Field(description="as in the latest status message")
    detail: str
    seq: int = Field(description="number of the newest message")
    clients: int = Field(description="open event sockets")
    paused: bool = Field(description="samples are not decoded until it is resumed")
    outputs: list[str] = Field(description="ways out beside the web: lsl, osc")
    recording: str | None = Field(description="what the recorder said last")


class Stream(BaseModel):
    """One LSL stream in sight."""

    name: str
    type: str
    source_id: str
    sfreq: float
    n_channels: int
    hostname: str


class Bank(BaseModel):
    """The labels a bundle chooses from."""

    bundle: str
    labels: list[str]


class Candidate(BaseModel):
    """One label of a decision."""

    label: str
    p: float
    similarity: float


class Quality(BaseModel):
    """What was wrong with the samples a decision used."""

    gap: bool
    bad_channels: list[str] = []
    artifact: bool = False


class Hello(BaseModel):
    """First message of every connection; again in between when another bundle takes over."""

    type: Literal["hello"] = "hello"
    seq: int
    protocol: Literal[1] = 1
    session: str
    run: str = Field(description="changes when a session of this name is opened anew: numbers then start again at 1")
    stream: str
    name: str = Field(description="of the bundle")
    note: str = Field(description="what the labels' space is and is not, in one line")
    bundle: str = Field(description="sha256 of the bundle's manifest")
    labels: list[str]
    channels: list[str] = Field(description="in the order of the frames of /signal")
    events: dict[str, str] = Field(description="marker -> label")
    sfreq: float = Field(description="rate the stream must have, Hz")
    hop_s: float = Field(description="one decision for so much signal")
    window_s: list[float] = Field(
        description="seconds since onset, from and to, that the accuracy was measured on; a trial ends at the latter"
    )


class Status(BaseModel):
    """What happened to the stream, in one sentence."""

    type: Literal["status"] = "status"
    seq: int
    session: str
    state: str
    detail: str
    lasting: bool = Field(description="holds until the next lasting one; else a moment")


class Trial(BaseModel):
    """A marker opened a trial; `label` is what the marker stands for, where the bundle knows."""

    type: Literal["trial"] = "trial"
    seq: int
    session: str
    trial: int
    t_onset: float
    marker: str
    label: str | None


class Decision(BaseModel):
    """What the decoder thinks after one hop of samples."""

    type: Literal["decision"] = "decision"
    seq: int
    session: str
    hop: int
    sample: int
    trial: int | None
    t_lsl: float
    t_onset: float | None
    since_onset_s: float | None
    top: list[Candidate]
    decided: bool
    quality: Quality
    latency_ms: dict[str, float]
    clock_offset_ms: float | None = Field(None, description="the stream's clock less this machine's, where known")
    bundle: str
    p: list[float] | None = Field(None, description="of every label, in the order of `hello`; for those who ask")
    embedding: list[float] | None = None


class Dropped(BaseModel):
    """The client was too slow, or away too long: `count` messages up to number `seq` are lost to it."""

    type: Literal["dropped"] = "dropped"
    seq: int
    session: str
    count: int


Message = Annotated[Hello | Status | Trial | Decision | Dropped, Field(discriminator="type")]


def pack_frame(seq: int, message: dict[str, Any]) -> bytes:
    """A `signal` message as one binary frame: header `FRAME`, then float32 (n_times, n_channels) in microvolts."""
    samples = np.ascontiguousarray(message["samples"], dtype="<f4")
    n_times, n_channels = samples.shape
    return FRAME.pack(message["t_first"], message["sfreq"], seq, n_times, n_channels, 0) + samples.tobytes()


def unpack_frame(frame: bytes) -> tuple[float, float, int, np.ndarray]:
    """The frame's first sample time (LSL s), rate (Hz), number, and samples float32 (n_times, n_channels)."""
    t_first, sfreq, seq, n_times, n_channels, _ = FRAME.unpack_from(frame)
    samples = np.frombuffer(frame, dtype="<f4", offset=FRAME.size).reshape(n_times, n_channels)
    return t_first, sfreq, seq, samples
