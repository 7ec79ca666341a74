"""The summary of a dataset file and its recordings before training."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from realtime.recordings.recording import Recording
from realtime.sensors.montage import positions
from training.data.checks import check_rate, label_counts
from training.data.pictures import choose_channels, open_pictures, picture_labels, splitter_of
from training.data.readers.splits import readings_of
from training.data.readers.trials import PublishedSet, Session
from training.data.schema import DatasetFile
from training.data.split_files import SPLITS
from training.data.targets import load_targets

READ_BYTES = 2e9  # of sessions that are all read to be counted; of a larger set, a first session shows the layout
PLAUSIBLE_UV = (0.5, 5000.0)  # sd of raw EEG; volts or raw integers read as microvolts lie far outside


def summarise_dataset(dataset: DatasetFile, splits: dict[str, list[Recording]]) -> dict[str, Any]:
    """Findings as plain JSON values, in seconds, Hz and numbers of trials."""
    labels, vectors = load_targets(dataset)
    first = splits["train"][0]
    ch_names = first.ch_names
    placed = np.isfinite(positions(ch_names, first.positions_m)).all(axis=1)
    return {
        "name": dataset.name,
        "labels": list(labels),
        "chance": 1 / len(labels),
        "target_dim": None if vectors is None else vectors.shape[1],
        "window_s": list(dataset.window_s),
        "channels": {
            "matched": [name for name, known in zip(ch_names, placed, strict=True) if known],
            "unmatched": [name for name, known in zip(ch_names, placed, strict=True) if not known],
        },
        "splits": {
            split: {
                "files": len(recordings),
                "trials": label_counts(recordings).total(),
                "events": label_counts(recordings),
            }
            for split, recordings in splits.items()
        },
        "files": [_summarise_file(split, recording, dataset) for split in splits for recording in splits[split]],
    }


@dataclass
class _SplitTotals:
    """What one split holds."""

    trials: int = 0
    concepts: set[str] = field(default_factory=set)
    pictures: set[str] = field(default_factory=set)


def summarise_pictures(dataset: DatasetFile, read_all: bool = False) -> dict[str, Any]:
    """Findings about recordings whose events are pictures, as plain JSON values; seconds, Hz and numbers of trials.

    Sessions of more than `READ_BYTES` together are not all read unless `read_all` asks for it.
    """
    published = open_pictures(dataset)
    labels, vectors = load_targets(dataset)
    n_bytes = sum(session.n_bytes for session in published.sessions)
    some = published if read_all or n_bytes <= READ_BYTES else _first_sessions(published)
    splitter, label_of = splitter_of(dataset, published), picture_labels(dataset)
    totals = {split: _SplitTotals() for split in (*SPLITS, "")}
    files: dict[str, dict[str, Any]] = {}
    ch_names, placed = tuple[str, ...](), np.zeros(0, bool)
    for session, reading, splits in readings_of(some, splitter):
        for split, total in totals.items():
            trials = reading.trials.select(splits == split)
            total.trials += len(trials)
            total.concepts |= set(trials.concept.tolist())
            total.pictures |= set(trials.picture.tolist())
        in_split = splits != ""
        label_of(reading.trials.select(in_split), session.name)
        recording = choose_channels(dataset, reading.recording(in_split, reading.trials.picture[in_split]))
        check_rate(dataset, recording)
        ch_names, placed = recording.ch_names, np.isfinite(positions(recording.ch_names, recording.positions_m)).all(1)
        _add_block(files, session, recording, splits)
    return {
        "name": dataset.name,
        "source": _summarise_source(dataset, published, len(some.sessions), n_bytes, totals[""].trials),
        "labels": list(labels),
        "chance": 1 / len(labels),
        "target_dim": None if vectors is None else vectors.shape[1],
        "window_s": list(dataset.window_s),
        "channels": {
            "matched": [name for name, known in zip(ch_names, placed, strict=True) if known],
            "unmatched": [name for name, known in zip(ch_names, placed, strict=True) if not known],
        },
        "splits": {split: _counted(totals[split]) for split in SPLITS},
        "files": list(files.values()),
    }


def _summarise_source(
    dataset: DatasetFile, published: PublishedSet, n_read: int, n_bytes: int, left_out: int
) -> dict[str, Any]:
    return {
        "source": published.source,
        "layout": published.layout,
        "root": str(published.root),
        "subjects": sorted({session.subject for session in published.sessions}),
        "days": list(published.days),
        "in_time": published.in_time,
        "sessions": len(published.sessions),
        "sessions_read": n_read,
        "bytes": n_bytes,
        "memory_bytes": max((session.memory_bytes for session in published.sessions), default=0),
        "findings": [asdict(finding) for finding in published.findings],
        "rule": dataset.splits.model_dump(mode="json"),
        "left_out": left_out,  # targets, catch trials, and what would leak
    }


def _first_sessions(published: PublishedSet) -> PublishedSet:
    """The first session of each subset, which shows the layout without reading everything."""
    first = {session.subset: session for session in reversed(published.sessions)}
    return replace(published, sessions=tuple(first.values()))


def _counted(total: _SplitTotals) -> Mapping[str, int]:
    return {"trials": total.trials, "concepts": len(total.concepts), "pictures": len(total.pictures)}


def _add_block(files: dict[str, dict[str, Any]], session: Session, recording: Recording, splits: np.ndarray) -> None:
    """Add one block of a session to what is known of it."""
    known = files.setdefault(
        session.name,
        {
            "path": session.name,
            "subject": session.subject,
            "day": session.day,
            "sfreq": recording.sfreq,
            "duration_s": 0.0,
            "sd_uv": float(np.median(recording.samples.std(axis=0))) if len(recording.samples) else 0.0,
            "trials": dict.fromkeys(SPLITS, 0),
            "warnings": list(recording.warnings),
        },
    )
    known["duration_s"] += len(recording.samples) / recording.sfreq
    for split in SPLITS:
        known["trials"][split] += int((splits == split).sum())


def _summarise_file(split: str, recording: Recording, dataset: DatasetFile) -> dict[str, Any]:
    start, end = (round(s * recording.sfreq) for s in dataset.window_s)
    holes = [row for row, _ in recording.gaps]
    broken = sum(
        row + start < 0 or row + end > len(recording.samples) or any(row + start < hole < row + end for hole in holes)
        for row, _ in recording.markers
    )
    sd_uv = float(np.median(recording.samples.std(axis=0)))  # of the median channel, drift included
    implausible = (
        []
        if PLAUSIBLE_UV[0] < sd_uv < PLAUSIBLE_UV[1]
        else [f"{recording.name}: sd {sd_uv:.3g} uV; are these microvolts?"]
    )
    return {
        "split": split,
        "path": recording.name,
        "sfreq": recording.sfreq,
        "duration_s": recording.duration_s,
        "sd_uv": sd_uv,
        "events": label_counts([recording]),
        "broken_trials": broken,  # their window crosses a gap or an end of the recording
        "gaps": [list(gap) for gap in recording.gaps],
        "warnings": [*recording.warnings, *implausible],
    }
