"""Bodies of the REST interface, protocol version 1 (docs/protocol.md).

Times are LSL `local_clock()` seconds, probabilities 0 to 1, durations in the unit of their name.
"""

from pydantic import BaseModel, ConfigDict, Field

from realtime.decoding.hop import MAX_TRACKS

BUNDLE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"


class SessionRequest(BaseModel):
    """Body of POST /v1/sessions; the settings of the server replace what is left out."""

    model_config = ConfigDict(extra="forbid")

    stream: str = Field(min_length=1, description="name or source_id of the LSL stream to decode")
    markers: str | None = Field(
        None,
        min_length=1,
        description="names or source_ids of marker streams, with commas between; left out: all",
    )
    bundle: str | None = Field(
        None,
        pattern=BUNDLE_NAME,
        description="folder name of a bundle in the folder of the server's bundle; left out: that one",
    )
    delay_s: float | None = Field(
        None, ge=0, le=10, description="constant delay of the device, s: a sample stamped t was taken at t - delay_s"
    )
    tracks: int | None = Field(None, ge=1, le=MAX_TRACKS, description="overlapping trials decoded at once")
    adapt: bool | None = Field(None, description="let the labels' vectors follow the person as labelled trials end")
    lsl: bool | None = Field(None, description="publish decisions as LSL streams too")
    record: bool | None = Field(None, description="record into the folder the server was started with")
    paused: bool = Field(False, description="open it paused, to be given the state of another session")


class BundleRequest(BaseModel):
    """Body of POST /v1/sessions/{session}/bundle."""

    model_config = ConfigDict(extra="forbid")

    bundle: str = Field(pattern=BUNDLE_NAME, description="folder name of a bundle in the folder of the server's bundle")


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
    outputs: list[str] = Field(description="outputs besides the web: lsl, osc")
    recording: str | None = Field(description="the last message of the recorder")


class Stream(BaseModel):
    """One LSL stream."""

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
