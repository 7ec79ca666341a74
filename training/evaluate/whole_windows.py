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

AT_ONCE = 64  # crops a teacher hears


def window_embeddings(network: Network, crops: Windows) -> np.ndarray:
    """Embeddings at the last hop that counts of each crop, float32 (n_crops, D)."""
    found = []
    with torch.inference_mode():
        for begin in range(0, len(crops.labels), AT_ONCE):
            cuts = [crops.cut(i, 0) for i in range(begin, min(begin + AT_ONCE, len(crops.labels)))]
            signal, onset, counts = (np.stack(part) for part in zip(*cuts, strict=True))
            embedding = network.embed_crops(torch.from_numpy(signal), torch.from_numpy(onset)).numpy()
            last = counts.shape[1] - 1 - np.argmax(counts[:, ::-1], axis=1)
            found.append(embedding[np.arange(len(signal)), last])
    return np.concatenate(found)


def window_decode(run: Run, recordings: Sequence[Recording]) -> DecodedHops:
    """One decision a trial, at the end of its window, by a network that needs all of it at once.

    Beyond a recording's end, and across its gaps, the signal is zero. Trials without a sample have no decision.
    """
    network, bank = run.load_trained()
    row = {name: i for i, name in enumerate(bank.names)}
    description, front = run.description, run.make_frontend()
    window_s = (description.window_s[0], description.window_s[1])
    embedding, trial, sample, of, labels = [], [], [], [], list[int]()
    for number, recording in enumerate(recordings):
        marks = event_samples(recording)
        names = list(dict.fromkeys([*bank.names, *(label for _, label in marks)]))
        for segment in preprocess_recording(recording, front, names):
            if not segment.signal.size or not len(segment.onsets):
                continue
            windows = window_crops([segment], description.preprocess["sfreq"], window_s).windows
            with torch.inference_mode():
                embedding += [network(part).numpy() for part in torch.from_numpy(windows).split(AT_ONCE)]
            trial.append(len(labels) + np.searchsorted([at for at, _ in marks], segment.onsets))
            sample.append(segment.onsets + round(description.window_s[1] * recording.sfreq))
            of.append(np.full(len(windows), number))
        labels += [row.get(label, -1) for _, label in marks]
    if not embedding:
        files = ", ".join(recording.name for recording in recordings)
        raise BadInput(f"{files}: no trial was found to decode; name recordings with markers")
    vectors = np.concatenate(embedding)
    return DecodedHops(
        embedding=vectors,
        inner=bank.scores(vectors)[0],
        since_onset_s=np.full(len(vectors), float(description.window_s[1])),
        trial=np.concatenate(trial),
        sample=np.concatenate(sample),
        recording=np.concatenate(of),
        label=np.array(labels),
    )
