"""Messages of the events WebSocket, protocol version 1."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

VERSION = 1


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
