"""Decoding of whole windows, for networks that do not stream."""

from collections.abc import Sequence

import numpy as np
import torch

from decoder.layers.encoder import Network
from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.data.crops import window_crops
from training.data.loader import Windows
from training.data.segments import event_samples, preprocess_recording
from training.evaluate.decode import DecodedHops
from training.runs.run import Run

BATCH_SIZE = 64  # windows of one forward pass


def window_embeddings(network: Network, crops: Windows) -> np.ndarray:
    """Embeddings at the last hop of each crop that the loss uses, float32 (n_crops, D)."""
    embeddings = []
    with torch.inference_mode():
        for start in range(0, len(crops.labels), BATCH_SIZE):
            batch = [crops.cut(i, 0) for i in range(start, min(start + BATCH_SIZE, len(crops.labels)))]
            signal, onset, mask = (np.stack(column) for column in zip(*batch, strict=True))
            embedding = network.embed_crops(torch.from_numpy(signal), torch.from_numpy(onset)).numpy()
            last = mask.shape[1] - 1 - np.argmax(mask[:, ::-1], axis=1)
            embeddings.append(embedding[np.arange(len(signal)), last])
    return np.concatenate(embeddings)


def decode_windows(run: Run, recordings: Sequence[Recording]) -> DecodedHops:
    """One decision a trial, at the end of its window, by a network that needs the whole window.

    Beyond a recording's ends and in its gaps the signal is zero. A trial without a sample has no decision. Raises
    BadInput where no trial has one.
    """
    network, bank = run.load_trained()
    rows = {name: i for i, name in enumerate(bank.names)}
    description, frontend = run.description, run.make_frontend()
    window_s = (description.window_s[0], description.window_s[1])
    columns: dict[str, list[np.ndarray]] = {key: [] for key in ("embedding", "trial", "sample", "recording")}
    labels: list[int] = []
    for number, recording in enumerate(recordings):
        events = event_samples(recording)
        names = list(dict.fromkeys([*bank.names, *(label for _, label in events)]))
        for segment in preprocess_recording(recording, frontend, names):
            if not segment.signal.size or not len(segment.onsets):
                continue
            windows = window_crops([segment], description.preprocess["sfreq"], window_s).windows
            columns["embedding"].append(_embed_windows(network, windows))
            columns["trial"].append(len(labels) + np.searchsorted([sample for sample, _ in events], segment.onsets))
            columns["sample"].append(segment.onsets + round(window_s[1] * recording.sfreq))
            columns["recording"].append(np.full(len(windows), number))
        labels += [rows.get(label, -1) for _, label in events]
    if not columns["embedding"]:
        files = ", ".join(recording.name for recording in recordings)
        raise BadInput(f"{files}: no trial was found to decode; name recordings with markers")
    joined = {key: np.concatenate(arrays) for key, arrays in columns.items()}
    since = np.full(len(joined["trial"]), float(window_s[1]))
    logits = bank.scores(joined["embedding"])[0]
    return DecodedHops(logits=logits, since_onset_s=since, label=np.array(labels), **joined)


def _embed_windows(network: Network, windows: np.ndarray) -> np.ndarray:
    """Embeddings float32 (n_windows, D) of windows (n_windows, n_channels, n_times)."""
    batches = [torch.from_numpy(windows[i : i + BATCH_SIZE]) for i in range(0, len(windows), BATCH_SIZE)]
    with torch.inference_mode():
        return np.concatenate([network(batch).numpy() for batch in batches])
