"""What the loss of each channel costs: how far confidence has to fall while others stand in for it.

Validation recordings are decoded again and again with channels drawn at random gone flat, and the costs are those that
make the true labels most likely. Which channels go matters more than how many.

Shape suffixes: S sets of channels, C channels, N trials, K labels.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.progress import track
from scipy.optimize import minimize
from scipy.special import softmax

from realtime.bundle.bank import Bank
from realtime.bundle.calibration import BAD_COST, MEASURED_SHARE
from realtime.recordings.recording import Recording
from training.evaluate.decode import decode_recordings
from training.evaluate.encoders import Encode, torch_encoder
from training.evaluate.time_course import trial_answers
from training.runs.run import Run

SETS_A_CHANNEL, MOST_SETS = 2, 128  # each costs another decoding: 120 sets said clearly more than 64 or 24
MOST_S, MOST_TRIALS = 300.0, 300  # of recordings; with more each set would only take longer
PRIOR_SD = 0.5  # of a normal prior on each cost; at least an equal share of BAD_COST, which is more with few channels
SHARED = 8.0  # the sets are of the same trials: so many of them count once


def fit_channel_costs(run: Run, recordings: Sequence[Recording], console: Console) -> tuple[float, ...]:
    """Cost of each channel of a finished streaming run, from recordings it has not learned from.

    Empty where no trial is in their first minutes.
    """
    heard, ch_names = first_minutes(recordings), run.description.ch_names
    if not any(recording.markers for recording in heard):
        console.print(f"what each channel is worth is not known: no trial in the first {MOST_S:g} s of files.valid")
        return ()
    sets_SC = draw_channel_sets(len(ch_names))
    what = f"what each of {len(ch_names)} channels is worth"
    spoiled = ([silence_channels(recording, bad_C) for recording in heard] for bad_C in sets_SC)
    network, bank = run.load_trained()
    encode = torch_encoder(network, streaming=False)
    found = [trial_end_logits(run, bank, encode, each) for each in track(spoiled, what, len(sets_SC), console=console)]
    costs_C = fit_costs(np.stack([inner for inner, _ in found]), found[0][1], sets_SC)
    dearest = ", ".join(ch_names[channel] for channel in np.argsort(-costs_C)[:3] if costs_C[channel] > 0)
    console.print(f"confidence suffers most from the loss of {dearest}" if dearest else "no loss of channels misled it")
    return tuple(costs_C.round(4).tolist())


def draw_channel_sets(n_channels: int) -> np.ndarray:
    """Sets of up to MEASURED_SHARE of the channels, few as often as many; the same at every call."""
    rng, most = np.random.default_rng(0), max(1, int(MEASURED_SHARE * n_channels))
    sets_SC = np.zeros((min(SETS_A_CHANNEL * n_channels, MOST_SETS), n_channels), bool)
    for bad_C in sets_SC:
        n_bad = round(np.exp(rng.uniform(0, np.log(most))))
        bad_C[rng.permutation(n_channels)[:n_bad]] = True
    return sets_SC


def first_minutes(recordings: Sequence[Recording]) -> list[Recording]:
    """The first MOST_S of the recordings, or MOST_TRIALS if these end before."""
    kept, left_s, left = list[Recording](), MOST_S, MOST_TRIALS
    for recording in recordings:
        n = min(len(recording.samples), round(left_s * recording.sfreq))
        if len(recording.markers) > left:
            n = min(n, recording.markers[left][0])
        if n > 0:
            markers = tuple(mark for mark in recording.markers if mark[0] < n)
            gaps = tuple(gap for gap in recording.gaps if gap[0] < n)
            kept.append(replace(recording, samples=recording.samples[:n], markers=markers, gaps=gaps))
            left -= len(markers)
        left_s -= n / recording.sfreq
    return kept


def silence_channels(recording: Recording, bad_C: np.ndarray) -> Recording:
    """The recording with these channels silent from its first sample to its last."""
    return replace(recording, samples=np.where(bad_C, np.float32(0), recording.samples))


def trial_end_logits(
    run: Run, bank: Bank, encode: Encode, recordings: Sequence[Recording]
) -> tuple[np.ndarray, np.ndarray]:
    """Inner products at the end of each trial as the confidence scales them, float (N, K), and the true labels."""
    begin, end = run.description.window_s
    decoded = decode_recordings(recordings, run.make_frontend(), bank, encode, bad_channel_factor=lambda bad: 1.0)
    kept, rows = trial_answers(decoded.since_onset_s, decoded.trial, decoded.label, (begin, end))
    scale = run.calibration.scale(decoded.since_onset_s[rows], end)
    return (decoded.logits[rows] * scale[:, None]).astype(np.float32), decoded.label[kept]


def fit_costs(inner_SNK: np.ndarray, target_N: np.ndarray, sets_SC: np.ndarray) -> np.ndarray:
    """Costs, none negative, that make the true labels most likely; without evidence an equal share of BAD_COST."""
    n_channels, trial = sets_SC.shape[1], np.arange(len(target_N))
    usual = BAD_COST / n_channels
    prior_sd = max(PRIOR_SD, usual)

    def loss(cost_C: np.ndarray) -> tuple[float, np.ndarray]:
        off_C = cost_C - usual
        value, slope_C = np.square(off_C).sum() / (2 * prior_sd**2), off_C / prior_sd**2
        for inner_NK, bad_C in zip(inner_SNK, sets_SC, strict=True):
            factor = 1 / (1 + cost_C[bad_C].sum())
            p_NK = softmax(factor * inner_NK.astype(float), axis=-1)
            value -= np.log(p_NK[trial, target_N] + 1e-12).sum() / SHARED
            by_factor = ((p_NK * inner_NK).sum(axis=1) - inner_NK[trial, target_N]).sum() / SHARED
            slope_C[bad_C] -= by_factor * factor**2
        return float(value), slope_C

    begin = np.full(n_channels, usual)
    return np.asarray(minimize(loss, begin, jac=True, bounds=[(0.0, None)] * n_channels, method="L-BFGS-B").x)
