"""Swaps the bundle of a session: another decoder takes over from the next hop on."""

from collections.abc import Sequence

from realtime.decoding.decoder import Decoder
from realtime.decoding.hop import Hop
from realtime.errors import BadInput
from realtime.live.messages import HelloMessage, bundle_info
from realtime.live.session import Session
from realtime.state import State


def check_swap(session: Session, decoder: Decoder) -> None:
    """Raise BadInput unless the decoder cuts the same hops as the session's present one."""
    present, new = session.decoder.bundle.manifest, decoder.bundle.manifest
    for key in ("ch_names", "sfreq", "hop_samples", "preprocess"):
        if (value := getattr(new, key)) != (needed := getattr(present, key)):
            raise BadInput(
                f"bundle {new.name!r}: {key} is {value}, but session {session.id!r} needs {needed} to go on without a "
                "break; open a session of its own for it"
            )


def warm_up_encoder(decoder: Decoder, hops: Sequence[Hop], tracks: int) -> tuple[State, int]:
    """State of a decoder whose encoder has read `hops`, and the number of the newest one, -1 for none.

    Touches no session, so it may run in any thread.
    """
    state, newest = decoder.start(tracks), -1
    for hop in hops:
        _, [state] = decoder.encode([hop], [state])
        newest = hop.number
    return state, newest


def swap_decoder(session: Session, decoder: Decoder, warm_state: State, newest: int) -> None:
    """Decode with another decoder from the next hop on; `warm_state` has read the hops up to number `newest`."""
    hops = session.recent_hops
    if not hops or hops[0].number > newest:  # samples were lost since: the hops before do not count
        warm_state = decoder.start(decoder.n_tracks(session.state))
    for hop in hops:
        if hop.number > newest:
            _, [warm_state] = decoder.encode([hop], [warm_state])
    session.state = decoder.carry(session.state, warm_state)
    session.decoder = decoder
    session.reader.update(decoder.bundle.manifest)
    session.publish_status("swapped", f"Bundle {decoder.bundle.manifest.name!r} decodes from here on.")
    session.publish(session.id, HelloMessage.of(bundle_info(decoder), session.id, session.query.name))
