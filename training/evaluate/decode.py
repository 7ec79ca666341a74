"""A run or a bundle over whole recordings, as it would have decoded them live; every figure is made from this."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import softmax

from realtime.bundle.bank import Bank
from realtime.bundle.calibration import Calibration
from realtime.decoding.frontend import Frontend
from realtime.decoding.hop import TrialClock
from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.data.segments import event_samples, recording_hops
from training.evaluate.encoders import Encode

UNMEASURED = Calibration()


@dataclass(frozen=True)
class DecodedHops:
    """Every hop of some recordings, in order; trials are numbered over all of them."""

    embedding: np.ndarray  # float32 (n_hops, dim)
    inner: np.ndarray  # float32 (n_hops, n_labels): inner products with the bank, less where channels were bad
    since_onset_s: np.ndarray  # float (n_hops,), negative outside trials
    trial: np.ndarray  # int (n_hops,), -1 outside trials
    sample: np.ndarray  # int (n_hops,): newest sample of its recording used
    recording: np.ndarray  # int (n_hops,)
    label: np.ndarray  # int (n_trials,): index in the bank, -1 where the bank lacks it

    def p(self, calibration: Calibration, window_s: float) -> np.ndarray:
        """Probabilities (n_hops, n_labels)."""
        return softmax(self.inner.astype(float) * calibration.scale(self.since_onset_s, window_s)[:, None], axis=-1)


def decode_recordings(
    recordings: Sequence[Recording],
    front: Frontend,
    bank: Bank,
    encode: Encode,
    streaming: bool = False,
    cued: bool = True,
    tracks: int = 1,
    trust: Callable[[np.ndarray], float] = UNMEASURED.bad_channel_factor,
) -> DecodedHops:
    """Decode every hop. `streaming` feeds the preprocessing in live-sized chunks; without `cued` no onset is told.

    A trial ends where the next begins. With several `tracks`, as many streams take turns at the trials, so that each is
    decoded to the end of its window even where trials overlap; every recording then comes up once a track. `trust` is
    the factor on a hop's inner products, by its bad channels.
    """
    if tracks > 1:
        return concatenate(
            [
                decode_recordings(
                    track_trials(recordings, track, tracks), front, bank, encode, streaming, cued, trust=trust
                )
                for track in range(tracks)
            ]
        )
    row = {name: i for i, name in enumerate(bank.names)}
    parts: dict[str, list[np.ndarray]] = {
        key: [] for key in ("embedding", "trust", "since", "trial", "sample", "recording")
    }
    labels: list[int] = []
    for number, recording in enumerate(recordings):
        marks = event_samples(recording)
        for hops in recording_hops(recording, front, chunk_s=0.02 if streaming else None):
            if not hops:
                continue
            heard = hops if cued else [replace(hop, cues=(TrialClock(),)) for hop in hops]
            parts["embedding"].append(encode(heard))
            parts["trust"].append(np.array([trust(hop.bad) for hop in hops], np.float32))
            parts["since"].append(np.array([hop.onset for hop in hops]))
            parts["trial"].append(np.array([-1 if hop.trial is None else hop.trial + len(labels) for hop in hops]))
            parts["sample"].append(np.array([hop.sample for hop in hops]))
            parts["recording"].append(np.full(len(hops), number))
        labels += [row.get(label, -1) for _, label in marks]
    if not parts["embedding"]:
        raise BadInput(
            f"{', '.join(recording.name for recording in recordings)}: too short for one decision, which takes "
            f"{front.hop_s:g} s; name longer recordings"
        )
    embedding = np.concatenate(parts["embedding"])
    return DecodedHops(
        embedding=embedding,
        inner=bank.scores(embedding)[0] * np.concatenate(parts["trust"])[:, None],
        since_onset_s=np.concatenate(parts["since"]),
        trial=np.concatenate(parts["trial"]),
        sample=np.concatenate(parts["sample"]),
        recording=np.concatenate(parts["recording"]),
        label=np.array(labels),
    )


def track_trials(recordings: Sequence[Recording], track: int, tracks: int) -> list[Recording]:
    """The recordings with every `tracks`-th trial, beginning with number `track`."""
    return [replace(recording, markers=recording.markers[track::tracks]) for recording in recordings]


def tracks_needed(recordings: Sequence[Recording], window_s: float) -> int:
    """How many trials of one recording run at once: tracks that decode each to the end of its window."""
    most = 1
    for recording in recordings:
        onsets = np.array([sample for sample, _ in event_samples(recording)])
        later = np.searchsorted(onsets, onsets + window_s * recording.sfreq, side="left")
        most = max([most, *(later - np.arange(len(onsets)))])
    return int(most)


def concatenate(parts: Sequence[DecodedHops]) -> DecodedHops:
    """Several decodings as one, their trials numbered on."""
    first = np.cumsum([0, *(len(part.label) for part in parts)])
    trial = [np.where(part.trial >= 0, part.trial + n, -1) for part, n in zip(parts, first, strict=False)]
    fields = ("embedding", "inner", "since_onset_s", "sample", "recording", "label")
    return DecodedHops(
        trial=np.concatenate(trial),
        **{key: np.concatenate([getattr(part, key) for part in parts]) for key in fields},
    )


def save_embeddings(decoded: DecodedHops, path: Path) -> None:
    """Every hop's embedding with its recording and sample number, as npz."""
    np.savez(path, embedding=decoded.embedding, recording=decoded.recording, sample=decoded.sample, trial=decoded.trial)
