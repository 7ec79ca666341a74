"""Distillation: embeddings are also drawn to those of a teacher, another finished run.

A teacher, such as a whole-window network, sees a trial's window to its end. The causal student learns to reach the same
embedding by then.
"""

from dataclasses import dataclass, replace

import numpy as np

from realtime.bundle.calibration import Calibration
from realtime.errors import BadInput
from training.data.crops import Crops, crops_of, window_crops
from training.evaluate.whole_windows import window_embeddings
from training.fit.fit_method import FitMethod, FitResult, TrainingJob
from training.fit.preparation import Prepared
from training.runs.description import RunDescription
from training.runs.run import Run

# A teacher needs the same channels, preprocessing, window and labels as its student.
SHARED_WITH_TEACHER = ("ch_names", "sfreq", "window_s", "preprocess", "targets", "labels")


@dataclass(frozen=True)
class Distilled:
    """Another method whose examples also carry the teacher's embedding."""

    teacher: Run
    method: FitMethod[Prepared]

    def prepare(self, job: TrainingJob) -> Prepared:
        """As the other method, plus the teacher's embedding of every crop; BadInput for a teacher that does not fit."""
        prepared = self.method.prepare(job)
        description = prepared.run.description
        check_teacher(self.teacher, description)
        frontend = prepared.run.make_frontend()
        crops = crops_of(prepared.segments, frontend, job.dataset.window_s, job.recipe.lead_s)
        made_from = {"teacher": self.teacher.digest} | description.made_from
        return replace(
            prepared,
            run=Run(job.out, replace(description, made_from=made_from)),
            teacher=self.teacher,
            teacher_embeddings=teacher_embeddings(self.teacher, crops),
        )

    def fit(self, prepared: Prepared) -> FitResult:
        """As the other method."""
        return self.method.fit(prepared)

    def finish(self, prepared: Prepared, run: Run) -> Calibration:
        """As the other method."""
        return self.method.finish(prepared, run)


def check_teacher(teacher: Run, student: RunDescription) -> None:
    """BadInput for a teacher that is not finished, or that was trained on other channels, windows or labels."""
    if not teacher.finished:
        raise BadInput(f"--teacher {teacher.path}: has not reached its last epoch; finish its `glimpse train` first")
    theirs = {key: getattr(teacher.description, key) for key in SHARED_WITH_TEACHER}
    ours = {key: getattr(student, key) for key in SHARED_WITH_TEACHER}
    theirs["embedding_dim"] = teacher.description.network["config"]["embedding_dim"]
    ours["embedding_dim"] = student.network["config"]["embedding_dim"]
    for key in ours:
        if theirs[key] != ours[key]:
            raise BadInput(
                f"--teacher {teacher.path}: its {key} is {theirs[key]}, but this run's is {ours[key]}, and a teacher "
                "needs the same; train one on the same dataset file"
            )


def teacher_embeddings(teacher: Run, crops: Crops) -> np.ndarray:
    """The teacher's embedding of each crop at the end of its window, float32 (n_crops, D)."""
    network, _ = teacher.load_trained()
    if teacher.streaming:
        return window_embeddings(network, crops)
    start_s, end_s = teacher.description.window_s
    return window_embeddings(
        network, window_crops(crops.segments, teacher.description.preprocess["sfreq"], (start_s, end_s))
    )
