"""Decoding of whole recordings by a run or a bundle, as live; every figure is computed from the result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import softmax

from realtime.bundle.bank import Bank
from realtime.bundle.calibration import Calibration
from realtime.decoding.frontend import Frontend
from realtime.decoding.hop import Hop, TrialClock
from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.data.segments import event_samples, recording_hops
from training.evaluate.encoders import Encode

UNCALIBRATED = Calibration()
STREAMING_CHUNK_S = 0.02  # of signal that the preprocessing gets at once when it is fed as live

BadChannelFactor = Callable[[np.ndarray], float]  # factor on a hop's logits, from its bad channels (n_channels,) bool


@dataclass(frozen=True)
class DecodedHops:
    """Every hop of some recordings, in order; trials are numbered over all recordings."""

    embedding: np.ndarray  # float32 (n_hops, dim)
    logits: np.ndarray  # float32 (n_hops, n_labels): similarity to the bank, reduced where channels were bad
    since_onset_s: np.ndarray  # float (n_hops,), negative outside trials
    trial: np.ndarray  # int (n_hops,), -1 outside trials
    sample: np.ndarray  # int (n_hops,): newest sample of its recording used
    recording: np.ndarray  # int (n_hops,)
    label: np.ndarray  # int (n_trials,): index in the bank, -1 where the bank lacks it

    def p(self, calibration: Calibration, window_s: float) -> np.ndarray:
        """Probabilities (n_hops, n_labels)."""
        scale = calibration.scale(self.since_onset_s, window_s)
        p: np.ndarray = softmax(self.logits.astype(float) * scale[:, None], axis=-1)
        return p


def decode_recordings(
    recordings: Sequence[Recording],
    frontend: Frontend,
    bank: Bank,
    encode: Encode,
    streaming: bool = False,
    cued: bool = True,
    tracks: int = 1,
    bad_channel_factor: BadChannelFactor = UNCALIBRATED.bad_channel_factor,
) -> DecodedHops:
    """Decode every hop. `streaming` feeds the preprocessing in chunks as live; with `cued=False` no onset is an input.

    A trial ends where the next begins. With several `tracks`, every recording is decoded once per track, each time
    with every `tracks`-th trial, so that overlapping trials are decoded to the end of their window. Raises BadInput
    where no recording is long enough for one hop.
    """
    if tracks > 1:
        subsets = [track_trials(recordings, track, tracks) for track in range(tracks)]
        return concatenate(
            [decode_recordings(s, frontend, bank, encode, streaming, cued, 1, bad_channel_factor) for s in subsets]
        )
    rows = {name: i for i, name in enumerate(bank.names)}
    spans: list[dict[str, np.ndarray]] = []
    labels: list[int] = []
    for number, recording in enumerate(recordings):
        for hops in recording_hops(recording, frontend, chunk_s=STREAMING_CHUNK_S if streaming else None):
            if hops:
                span = _hop_columns(hops, number, len(labels))
                span["embedding"] = encode(hops if cued else [replace(hop, clocks=(TrialClock(),)) for hop in hops])
                span["factor"] = np.array([bad_channel_factor(hop.bad) for hop in hops], np.float32)
                spans.append(span)
        labels += [rows.get(label, -1) for _, label in event_samples(recording)]
    if not spans:
        raise BadInput(
            f"{', '.join(recording.name for recording in recordings)}: too short for one decision, which takes "
            f"{frontend.hop_s:g} s; name longer recordings"
        )
    columns = {key: np.concatenate([span[key] for span in spans]) for key in spans[0]}
    logits = bank.scores(columns["embedding"])[0] * columns.pop("factor")[:, None]
    return DecodedHops(logits=logits, label=np.array(labels), **columns)


def _hop_columns(hops: Sequence[Hop], recording: int, first_trial: int) -> dict[str, np.ndarray]:
    """The fields of `DecodedHops` that the hops of one track have before they are encoded."""
    clocks = [hop.only_track() for hop in hops]
    return {
        "since_onset_s": np.array([clock.onset for clock in clocks]),
        "trial": np.array([-1 if clock.trial is None else clock.trial + first_trial for clock in clocks]),
        "sample": np.array([hop.sample for hop in hops]),
        "recording": np.full(len(hops), recording),
    }


def track_trials(recordings: Sequence[Recording], track: int, tracks: int) -> list[Recording]:
    """The recordings with every `tracks`-th trial, starting with number `track`."""
    return [replace(recording, markers=recording.markers[track::tracks]) for recording in recordings]


def tracks_needed(recordings: Sequence[Recording], window_s: float) -> int:
    """The largest number of trials of one recording that overlap."""
    n_tracks = 1
    for recording in recordings:
        onsets = np.array([sample for sample, _ in event_samples(recording)])
        window_ends = np.searchsorted(onsets, onsets + window_s * recording.sfreq, side="left")
        n_tracks = max([n_tracks, *(window_ends - np.arange(len(onsets)))])
    return int(n_tracks)


def concatenate(chunks: Sequence[DecodedHops]) -> DecodedHops:
    """Several decodings as one; the trials of each follow those of the one before."""
    first = np.cumsum([0, *(len(chunk.label) for chunk in chunks)])
    trial = [np.where(chunk.trial >= 0, chunk.trial + n, -1) for chunk, n in zip(chunks, first, strict=False)]
    fields = ("embedding", "logits", "since_onset_s", "sample", "recording", "label")
    return DecodedHops(
        trial=np.concatenate(trial),
        **{key: np.concatenate([getattr(chunk, key) for chunk in chunks]) for key in fields},
    )


def save_embeddings(decoded: DecodedHops, path: Path) -> None:
    """Write every hop's embedding with its recording, sample and trial number, as npz."""
    np.savez(path, embedding=decoded.embedding, recording=decoded.recording, sample=decoded.sample, trial=decoded.trial)
