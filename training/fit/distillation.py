"""Whole-window networks, which are trained and measured here, and teachers of any kind, whose embeddings are matched.

A teacher sees a trial's whole window before it answers; the causal student learns to be where it is by the end.
"""

import numpy as np

from realtime.errors import BadInput
from training.data.crops import Crops, window_crops
from training.evaluate.whole_windows import window_embeddings
from training.runs.description import RunDescription
from training.runs.run import Run

# A teacher's answers only mean something to a student that hears the same and is asked the same.
SHARED = ("ch_names", "sfreq", "window_s", "preprocess", "targets", "labels")


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


def teacher_embeddings(teacher: Run, crops: Crops) -> np.ndarray:
    """The teacher's embedding of each crop at the end of its window, float32 (n_crops, D)."""
    network, _ = teacher.trained()
    return window_embeddings(network, crops if teacher.streaming else window_crops(crops.segments, teacher.description))
