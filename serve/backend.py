"""What the server asks of an engine and its bundles, and where the real ones come from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

Publish = Callable[[str, dict[str, Any]], None]  # session, message without seq; from any thread


class EngineProtocol(Protocol):
    """What decodes: reads streams, publishes messages from a thread of its own."""

    def open(
        self, session: str, decoder: Any, query: Any, tracks: int = 1, paused: bool = False, adapt: bool = False
    ) -> None:
        """Start decoding the stream `query` names, up to `tracks` overlapping trials at once.

        With `adapt` the labels' vectors follow the person.
        """

    def pause(self, session: str) -> None:
        """Stop decoding between two hops and publish the moment `paused`; returns once no decision follows."""

    def resume(self, session: str) -> None:
        """Decode again and publish the moment `resumed`."""

    def save(self, session: str) -> bytes:
        """What the session knows of its stream, between two hops: another process can go on from there."""

    def load(self, session: str, state: bytes) -> None:
        """Go on from what `save` gave; raises BadInput where it is damaged or of another bundle."""

    def swap(self, session: str, decoder: Any) -> None:
        """Decode with another bundle from the next hop on; raises BadInput where that cannot be.

        Returns once the moment `swapped` has been published, after the last decision of one and before the first of
        the other.
        """

    def close(self, session: str) -> None:
        """Stop decoding it; once this returns none of its messages follows."""

    def stop(self) -> None:
        """Close every session and end every thread."""


@dataclass(frozen=True)
class Backend:
    """What the server needs from outside."""

    engine: Callable[[Publish], EngineProtocol]
    load: Callable[[Path], Any]  # bundle folder -> decoder; raises BadInput
    about: Callable[[Any], dict[str, Any]]  # decoder -> the fields of Hello that a bundle knows
    query: Callable[[str, str | None, float | None], Any]  # stream, marker stream, delay of the device in s
    streams: Callable[[], list[Any]]  # StreamRow of every LSL stream in sight


def realtime_backend() -> Backend:
    """The real thing: LSL streams, decoded by onnxruntime."""
    from realtime.bundle.bundle import Bundle
    from realtime.decoding.decoder import Decoder
    from realtime.live.engine import Engine
    from realtime.sources.lsl.search import find_streams
    from realtime.sources.query import StreamQuery

    def load(path: Path) -> Decoder:
        decoder = Decoder(Bundle.load(path))
        print(f"{path.name} runs on {decoder.runner.provider}: {decoder.runner.why}", flush=True)
        return decoder

    def about(decoder: Decoder) -> dict[str, Any]:
        bundle, manifest = decoder.bundle, decoder.bundle.manifest
        return {
            "name": manifest.name,
            "note": manifest.note,
            "bundle": bundle.hash,
            "labels": list(bundle.bank.names),
            "channels": list(decoder.ch_names),
            "events": dict(manifest.events),
            "sfreq": manifest.sfreq,
            "hop_s": decoder.front.hop_s,
            "window_s": list(manifest.window_s),
        }

    return Backend(
        engine=Engine,
        load=load,
        about=about,
        query=StreamQuery,
        streams=find_streams,
    )
