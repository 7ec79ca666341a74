"""The cost of each bad channel: how much confidence has to fall while the channel is interpolated from others.

Validation recordings are decoded many times with random channels flat, and the costs are those that make the true
labels most likely. Which channels are bad matters more than how many.

Shape suffixes: S sets of channels, C channels, N trials, K labels.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax

from realtime.bundle.bank import Bank
from realtime.bundle.calibration import BAD_COST, MEASURED_SHARE
from realtime.recordings.recording import Recording
from training.evaluate.decode import decode_recordings
from training.evaluate.encoders import Encode, torch_encoder
from training.evaluate.time_course import trial_answers
from training.runs.run import Run

SETS_PER_CHANNEL, MAX_SETS = 2, 128  # each costs another decoding: 120 sets were clearly better than 64 or 24
MAX_S, MAX_TRIALS = 300.0, 300  # of recordings; with more, each set would only cost more time
PRIOR_SD = 0.5  # of the normal prior on each cost; with few channels BAD_COST / n_channels is larger, and is used
SHARED_TRIALS = 8.0  # every set has the same trials, so eight answers count as one


def fit_channel_costs(
    run: Run,
    recordings: Sequence[Recording],
    report: Callable[[str], None] = lambda sentence: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[float, ...]:
    """Cost of each channel of a finished streaming run, from recordings that it was not trained on.

    Empty where no trial is in their first minutes. `report` gets the result as a sentence, `progress` the number of
    decodings done and of all.
    """
    used, ch_names = first_minutes(recordings), run.description.ch_names
    if not any(recording.markers for recording in used):
        report(f"what each channel is worth is not known: no trial in the first {MAX_S:g} s of files.valid")
        return ()
    sets_SC = draw_channel_sets(len(ch_names))
    network, bank = run.load_trained()
    encode = torch_encoder(network, streaming=False)
    logits, labels_N = [], np.zeros(0, int)
    for done, bad_C in enumerate(sets_SC):
        progress(done, len(sets_SC))
        silenced = [silence_channels(recording, bad_C) for recording in used]
        logits_NK, labels = trial_end_logits(run, bank, encode, silenced)
        logits.append(logits_NK)
        labels_N = labels_N if done else labels
    progress(len(sets_SC), len(sets_SC))
    costs_C = fit_costs(np.stack(logits), labels_N, sets_SC)
    dearest = ", ".join(ch_names[channel] for channel in np.argsort(-costs_C)[:3] if costs_C[channel] > 0)
    report(f"confidence suffers most from the loss of {dearest}" if dearest else "no loss of channels misled it")
    return tuple(costs_C.round(4).tolist())


def draw_channel_sets(n_channels: int) -> np.ndarray:
    """Sets of up to MEASURED_SHARE of the channels, small ones as often as large; the same at every call."""
    rng, max_bad = np.random.default_rng(0), max(1, int(MEASURED_SHARE * n_channels))
    sets_SC = np.zeros((min(SETS_PER_CHANNEL * n_channels, MAX_SETS), n_channels), bool)
    for bad_C in sets_SC:
        n_bad = round(np.exp(rng.uniform(0, np.log(max_bad))))
        bad_C[rng.permutation(n_channels)[:n_bad]] = True
    return sets_SC


def first_minutes(recordings: Sequence[Recording]) -> list[Recording]:
    """The first MAX_S of the recordings, or MAX_TRIALS if these end before."""
    used, remaining_s, remaining_trials = list[Recording](), MAX_S, MAX_TRIALS
    for recording in recordings:
        n_samples = min(len(recording.samples), round(remaining_s * recording.sfreq))
        if len(recording.markers) > remaining_trials:
            n_samples = min(n_samples, recording.markers[remaining_trials][0])
        if n_samples > 0:
            markers = tuple(marker for marker in recording.markers if marker[0] < n_samples)
            gaps = tuple(gap for gap in recording.gaps if gap[0] < n_samples)
            used.append(replace(recording, samples=recording.samples[:n_samples], markers=markers, gaps=gaps))
            remaining_trials -= len(markers)
        remaining_s -= n_samples / recording.sfreq
    return used


def silence_channels(recording: Recording, bad_C: np.ndarray) -> Recording:
    """The recording with zeros in these channels."""
    return replace(recording, samples=np.where(bad_C, np.float32(0), recording.samples))


def trial_end_logits(
    run: Run, bank: Bank, encode: Encode, recordings: Sequence[Recording]
) -> tuple[np.ndarray, np.ndarray]:
    """Logits at the end of each trial as the confidence scales them, float (N, K), and the true labels."""
    start_s, end_s = run.description.window_s
    decoded = decode_recordings(recordings, run.make_frontend(), bank, encode, bad_channel_factor=lambda bad: 1.0)
    answered, rows = trial_answers(decoded.since_onset_s, decoded.trial, decoded.label, (start_s, end_s))
    scale = run.calibration.scale(decoded.since_onset_s[rows], end_s)
    return (decoded.logits[rows] * scale[:, None]).astype(np.float32), decoded.label[answered]


def fit_costs(logits_SNK: np.ndarray, target_N: np.ndarray, sets_SC: np.ndarray) -> np.ndarray:
    """Costs, none negative, that make the true labels most likely; without trials an equal share of BAD_COST."""
    n_channels, trial = sets_SC.shape[1], np.arange(len(target_N))
    default_cost = BAD_COST / n_channels
    prior_sd = max(PRIOR_SD, default_cost)

    def loss(cost_C: np.ndarray) -> tuple[float, np.ndarray]:
        off_C = cost_C - default_cost
        value, slope_C = np.square(off_C).sum() / (2 * prior_sd**2), off_C / prior_sd**2
        for logits_NK, bad_C in zip(logits_SNK, sets_SC, strict=True):
            factor = 1 / (1 + cost_C[bad_C].sum())
            p_NK = softmax(factor * logits_NK.astype(float), axis=-1)
            value -= np.log(p_NK[trial, target_N] + 1e-12).sum() / SHARED_TRIALS
            by_factor = ((p_NK * logits_NK).sum(axis=1) - logits_NK[trial, target_N]).sum() / SHARED_TRIALS
            slope_C[bad_C] -= by_factor * factor**2
        return float(value), slope_C

    start_C = np.full(n_channels, default_cost)
    return np.asarray(minimize(loss, start_C, jac=True, bounds=[(0.0, None)] * n_channels, method="L-BFGS-B").x)
