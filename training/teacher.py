"""Whole-window networks, which are trained and measured here, and teachers of any kind, whose embeddings are matched.

A teacher sees a trial's whole window before it answers; the causal student learns to be where it is by the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from realtime.errors import BadInput
from realtime.files.recording import Recording
from training.batches import Cuts
from training.decode import Decoded
from training.loop import embed
from training.prepare import Crops, Segment, marks_of, segments_of
from training.run import Run, RunDescription
from training.windows import windows_of

# A teacher's answers only mean something to a student that hears the same and is asked the same.
SHARED = ("ch_names", "sfreq", "window_s", "preprocess", "targets", "labels")
AT_ONCE = 64  # crops a teacher hears


@dataclass(frozen=True)
class WindowCrops:
    """Whole windows in the place of crops: one decision each, at the end."""

    windows: np.ndarray  # float32 (n_trials, C, n_times)
    labels: np.ndarray  # int64 (n_trials,)
    end_s: float  # of the window, since onset
    hop_samples: int = 1  # nothing falls between hops

    def cut(self, index: int, shift: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Signal (C, n_times), onset (1,) and counts (1,); there is nothing to shift."""
        return self.windows[index], np.array([self.end_s], np.float32), np.array([True])


def window_crops(segments: Sequence[Segment], description: RunDescription) -> WindowCrops:
    """The window of every trial that has a crop."""
    begin, end = description.window_s
    kept = [segment for segment in segments if segment.signal.size]
    windows, labels = windows_of(kept, description.preprocess["sfreq"], (begin, end))
    return WindowCrops(windows, labels, end)


def check_teacher(teacher: Run, student: RunDescription) -> None:
    """BadInput for a teacher that has not finished, or that heard or was asked something else."""
    if not teacher.finished:
        raise BadInput(f"--teacher {teacher.path}: has not reached its last epoch; finish its `glimpse train` first")
    theirs, ours = teacher.description, student
    found = {key: (getattr(theirs, key), getattr(ours, key)) for key in SHARED}
    found["embedding_dim"] = (theirs.network["config"]["embedding_dim"], ours.network["config"]["embedding_dim"])
    for key, (of_teacher, of_student) in found.items():
        if of_teacher != of_student:
            raise BadInput(
                f"--teacher {teacher.path}: its {key} is {of_teacher}, but this run's is {of_student}, and a teacher "
                "needs the same; train one on the same dataset file"
            )


def taught(teacher: Run, crops: Crops) -> np.ndarray:
    """The teacher's embedding of each crop at the end of its window, float32 (n_crops, D)."""
    network, _ = teacher.trained()
    return answers(network, crops if teacher.streaming else window_crops(crops.segments, teacher.description))


def answers(network: nn.Module, crops: Cuts) -> np.ndarray:
    """Embeddings at the last hop that counts of each crop, float32 (n_crops, D)."""
    found = []
    with torch.inference_mode():
        for begin in range(0, len(crops.labels), AT_ONCE):
            cuts = [crops.cut(i, 0) for i in range(begin, min(begin + AT_ONCE, len(crops.labels)))]
            signal, onset, counts = (np.stack(part) for part in zip(*cuts, strict=True))
            embedding = embed(network, torch.from_numpy(signal), torch.from_numpy(onset)).numpy()
            last = counts.shape[1] - 1 - np.argmax(counts[:, ::-1], axis=1)
            found.append(embedding[np.arange(len(signal)), last])
    return np.concatenate(found)


def window_decode(run: Run, recordings: Sequence[Recording]) -> Decoded:
    """One decision a trial, at the end of its window, by a network that needs all of it at once.

    Beyond a recording's end, and across its gaps, the signal is zero. Trials without a sample have no decision.
    """
    network, bank = run.trained()
    row = {name: i for i, name in enumerate(bank.names)}
    description, front = run.description, run.front()
    embedding, trial, sample, of, labels = [], [], [], [], list[int]()
    for number, recording in enumerate(recordings):
        marks = marks_of(recording)
        names = list(dict.fromkeys([*bank.names, *(label for _, label in marks)]))
        for segment in segments_of(recording, front, names):
            if not segment.signal.size or not len(segment.onsets):
                continue
            windows = window_crops([segment], description).windows
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
    return Decoded(
        embedding=vectors,
        inner=bank.scores(vectors)[0],
        since_onset_s=np.full(len(vectors), float(description.window_s[1])),
        trial=np.concatenate(trial),
        sample=np.concatenate(sample),
        recording=np.concatenate(of),
        label=np.array(labels),
    )
