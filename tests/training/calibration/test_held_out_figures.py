"""Which trials a calibration is fitted on, and which it is tested on."""

from dataclasses import replace

import numpy as np

from training.calibration.held_out_figures import FIRST_SHARE, cross_fit, folds
from training.data.dataset import load_dataset, load_split
from training.evaluate.decode import DecodedHops


def test_the_last_trials_of_one_recording_are_held_out(trained):
    recording = load_split(load_dataset(trained.data), "train")[0]
    [([first], [held_out])] = folds([recording])
    assert first.markers + held_out.markers == recording.markers
    assert len(first.markers) == round(FIRST_SHARE * len(recording.markers))


def test_each_of_several_recordings_is_held_out_once(trained):
    recording = load_split(load_dataset(trained.data), "train")[0]
    two = [recording, replace(recording, name="other")]
    names = [([r.name for r in first], [r.name for r in held_out]) for first, held_out in folds(two)]
    assert names == [(["other"], [recording.name]), ([recording.name], ["other"])]


def test_cross_fitting_uses_no_trial_twice():
    n = 12
    label = np.arange(n) % 2
    logits = 3 * np.eye(2)[label].astype(np.float32)
    decoded = DecodedHops(
        embedding=logits,
        logits=logits,
        since_onset_s=np.ones(n),
        trial=np.arange(n),
        sample=np.arange(n),
        recording=np.zeros(n, int),
        label=label,
    )
    halves = [half.label >= 0 for half, _ in cross_fit(decoded, 1.0)]
    assert (halves[0] ^ halves[1]).all()
