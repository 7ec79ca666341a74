"""What the server needs from an engine and its bundles, and the real ones."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from realtime.live.messages import BundleInfo, Message, bundle_info

if TYPE_CHECKING:  # the real ones load onnxruntime and liblsl
    from realtime.decoding.decoder import Decoder
    from realtime.sources.lsl.directory import StreamRow
    from realtime.sources.query import StreamQuery

Publish = Callable[[str, Message], None]  # session and message, from any thread


class EngineProtocol(Protocol):
    """Reads and decodes streams, and publishes messages from threads of its own."""

    def open(
        self,
        session: str,
        decoder: "Decoder",
        query: "StreamQuery",
        tracks: int = 1,
        paused: bool = False,
        adapt: bool = False,
    ) -> None:
        """Start decoding the stream `query` names, up to `tracks` overlapping trials at once.

        With `adapt` the labels' vectors follow the person.
        """

    def pause(self, session: str) -> None:
        """Stop decoding between two hops and publish the moment `paused`; returns once no decision follows."""

    def resume(self, session: str) -> None:
        """Decode again and publish the moment `resumed`."""

    def save(self, session: str) -> bytes:
        """The state of the session between two hops, from which another process can continue."""

    def load(self, session: str, state: bytes) -> None:
        """Continue from a saved state; raises BadInput where it is damaged or of another bundle."""

    def swap(self, session: str, decoder: "Decoder") -> None:
        """Decode with another bundle from the next hop on; raises BadInput where that cannot be.

        Returns once the moment `swapped` and the new bundle's `hello` have been published, between the last decision
        of one bundle and the first of the other.
        """

    def close(self, session: str) -> None:
        """Stop decoding the session; once this returns none of its messages follows."""

    def stop(self) -> None:
        """Close every session and end every thread."""


@dataclass(frozen=True)
class Backend:
    """The functions that the server uses of `realtime`."""

    engine: Callable[[Publish], EngineProtocol]
    load: "Callable[[Path], Decoder]"  # bundle folder -> decoder; raises BadInput
    info: "Callable[[Decoder], BundleInfo]"  # what clients need to know of its bundle
    query: "Callable[[str, str | None, float | None], StreamQuery]"  # stream, marker stream, delay of the device in s
    streams: "Callable[[], list[StreamRow]]"  # every LSL stream


def realtime_backend() -> Backend:
    """LSL streams, decoded by onnxruntime."""
    from realtime.bundle.bundle import Bundle
    from realtime.decoding.decoder import Decoder
    from realtime.live.engine import Engine
    from realtime.sources.lsl.search import find_streams
    from realtime.sources.query import StreamQuery

    def load(path: Path) -> Decoder:
        decoder = Decoder(Bundle.load(path))
        print(f"{path.name} runs on {decoder.encoder.provider}: {decoder.encoder.why}", flush=True)
        return decoder

    return Backend(engine=Engine, load=load, info=bundle_info, query=StreamQuery, streams=find_streams)
