"""The settings of the server, by flag or by a GLIMPSE_ environment variable."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from realtime.command_line import DEFAULT_PORT
from realtime.decoding.hop import MAX_TRACKS
from realtime.errors import BadInput

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class Settings(BaseSettings):
    """Decode LSL streams live, for WebSocket clients and a page.

    Every option can be a variable instead: GLIMPSE_RECORD for --record; a flag wins over its variable.
    """

    model_config = SettingsConfigDict(env_prefix="GLIMPSE_", env_ignore_empty=True, extra="forbid")

    bundle: Path = Field(description="folder of the bundle that decodes: glimpse export writes one")
    stream: str | None = Field(
        None, min_length=1, description="name or source_id of the stream; left out: the only EEG or MEG stream"
    )
    markers: str | None = Field(
        None,
        min_length=1,
        description="names or source_ids of marker streams, with commas between; left out: all",
    )
    delay_s: float | None = Field(
        None, ge=0, le=10, description="constant delay of the device, s; left out: what the stream's header says"
    )
    tracks: int = Field(1, ge=1, le=MAX_TRACKS, description="overlapping trials decoded at once")
    adapt: bool = Field(False, description="let the labels' vectors follow the person as labelled trials end")
    lsl_out: bool = Field(False, description="publish decisions as LSL streams too")
    osc: str | None = Field(None, description="HOST:PORT that decisions are sent to over OSC")
    record: Path | None = Field(
        None, description="folder in which every session is recorded, with its decisions; left out: none is"
    )
    sub: str = Field(
        "P001",
        description="participant in the recording's name, letters and digits; as --ses and --task for --record only",
    )
    ses: str = Field("S001", description="session in the recording's name")
    task: str = Field("Default", description="task in the recording's name")
    host: str = Field("127.0.0.1", description="address to listen on; the default is reachable from this machine only")
    port: int = Field(DEFAULT_PORT, ge=0, le=65535, description="port to listen on; 0: any free one")
    keep_messages: int = Field(4096, ge=1, description="messages kept per session for clients that come back")
    queue_messages: int = Field(1024, ge=1, description="messages a client may be behind before it loses some")
    signal_frames: int = Field(128, ge=1, description="frames of the traces a client may be behind")
    fresh_s: float = Field(
        2.0, gt=0, description="/readyz says no when a session has had no samples for so many seconds"
    )

    def __init__(self, **given: Any) -> None:
        """Raises BadInput, one sentence about the first setting that cannot be used."""
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise BadInput(_sentence(error.errors()[0], given, self.model_config["env_prefix"])) from None


def _sentence(wrong: "ErrorDetails", given: Mapping[str, Any], prefix: str) -> str:
    name = str(wrong["loc"][0])
    flag, variable = f"--{name.replace('_', '-')}", f"{prefix}{name.upper()}"
    if name in given:
        return f"{flag} is {wrong['input']!r}: {wrong['msg']}; change it, or {variable}."
    return f"{variable} is {wrong['input']!r}: {wrong['msg']}; change it, or leave it out."
