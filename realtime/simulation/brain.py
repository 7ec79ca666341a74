"""A simulated person at a simulated amplifier: pictures evoke responses that a fixed brain computes from their vectors.

A few dozen occipito-temporal dipoles answer each onset; a fixed random linear map, the same in every session, weights
their responses by the vector of what is seen. Around it: 1/f activity of the whole brain, occipital alpha in bursts,
blinks, line noise, drift and sensor noise, in microvolts.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import signal

from realtime.sensors.head_model import BRAIN_RADIUS_M, lead_field

BRAIN_SEED = 20  # who the person is; every session meets the same one
BLOCK_S = 0.2  # internal block; what is asked for is cut from these, so sizes asked for cannot matter
ONSET_TO_ONSET_S, JITTER_S = 1.4, 0.1  # a trial; onset to onset varies by +-JITTER_S
FIRST_ONSET_S = 1.0
RESPONSE_S = 0.8  # responses end this long after onset
LATENCIES_S = np.array([0.09, 0.13, 0.17, 0.22, 0.28, 0.36, 0.46])  # peaks of the response components
WIDTHS_S = np.array([0.018, 0.022, 0.028, 0.035, 0.045, 0.06, 0.08])
N_VISUAL, N_BACKGROUND, N_ALPHA = 32, 300, 6  # dipoles
# rms of the part that tells pictures apart at snr 1, and of the part they share. Measured at snr 1, 48 labels, 25
# channels: whitened ridge regression taught by 10 minutes names 60 % of another session's trials, by 50 minutes 88 %.
VISUAL_UV, COMMON_UV = 2.0, 4.0
BACKGROUND_UV, ALPHA_UV, BLINK_UV, LINE_UV, DRIFT_UV, SENSOR_UV = 9.0, 5.0, 120.0, 1.5, 8.0, 1.0
BLINK_EVERY_S, BLINK_S, LINE_HZ = 6.0, 0.3, 50.0
# 1/f noise from white: third-order fit over three decades below half the rate (J. O. Smith, Spectral Audio Signal
# Processing).
PINK = (0.049922035, -0.095993537, 0.050612699, -0.004408786), (1.0, -2.494956002, 2.017265875, -0.522189400)
_SCALE_AT = ("Fp1", "Fp2", "F3", "F4", "C3", "Cz", "C4", "P7", "P3", "Pz", "P4", "P8", "O1", "Oz", "O2")


@dataclass
class SimulatedState:
    """One session between two blocks; advanced in place."""

    trials: Iterator[tuple[int, int]]  # (sample of onset, row of the label)
    rngs: dict[str, np.random.Generator]  # one per kind of noise
    filters: dict[str, np.ndarray]  # state of each filter
    next_onset: tuple[int, int]
    next_blink: int
    ready: np.ndarray  # samples generated and not handed out yet
    marks: deque[tuple[int, int]]  # onsets generated and not handed out yet
    tail: np.ndarray  # responses and blinks reaching past n_made
    n_made: int = 0  # samples generated


class SimulatedBrain:
    """The person and the cap: everything that does not change during a session.

    `label_vectors` is (n_labels, D), a row per thing that can be seen, of any length; `labels` are their names. `snr`
    scales the response that tells pictures apart. `BadInput` for a channel without a place in the 10-05 system.
    """

    def __init__(
        self,
        ch_names: Sequence[str],
        sfreq: float,
        label_vectors: np.ndarray,
        labels: Sequence[str] | None = None,
        snr: float = 1.0,
        brain_seed: int = BRAIN_SEED,
    ):
        self.ch_names, self.sfreq = tuple(ch_names), float(sfreq)
        vectors = np.asarray(label_vectors, dtype=np.float64)
        self.labels = tuple(labels) if labels is not None else tuple(f"label{k}" for k in range(len(vectors)))
        rng = np.random.default_rng(brain_seed)
        fields = _fields(self.ch_names, rng)
        self._line_gain = LINE_UV * np.exp(0.4 * rng.standard_normal(512)[: len(ch_names)])

        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        n_parts = len(LATENCIES_S)
        shared = rng.standard_normal(N_VISUAL * n_parts)
        weights = rng.standard_normal((unit.shape[1], N_VISUAL * n_parts))
        self._amplitudes = snr * VISUAL_UV * (unit @ weights) + COMMON_UV * shared  # (label, dipole * part)
        t = np.arange(round(RESPONSE_S * sfreq)) / sfreq
        shapes = np.exp(-0.5 * ((t[:, None] - LATENCIES_S) / WIDTHS_S) ** 2)  # (time, part)
        self._project = np.einsum("tp,cd->dptc", shapes, fields["visual"]).reshape(N_VISUAL * n_parts, -1)

        self._sos = {
            "background": _unit_gain(signal.tf2sos(*PINK)),
            "alpha": _unit_gain(_resonator(10.0, 1.5, sfreq)),
            "drift": _unit_gain(signal.butter(2, 0.1, fs=sfreq, output="sos")),
        }
        self._mix = {  # from independent noises of rms 1 to channels
            "background": BACKGROUND_UV * fields["background"],
            "alpha": ALPHA_UV * fields["alpha"],
            "drift": DRIFT_UV * np.eye(len(self.ch_names)),
        }
        self._blink_shape = np.outer(np.hanning(round(BLINK_S * sfreq)), BLINK_UV * fields["blink"])

    def response(self, label: int) -> np.ndarray:
        """Evoked response to one label without noise, (n_times, n_channels) microvolts from onset on."""
        return (self._amplitudes[label] @ self._project).reshape(-1, len(self.ch_names))

    def start(self, seed: int) -> SimulatedState:
        """A session before its first sample; `seed` decides its order of labels and its noise."""
        kinds = ("trials", "background", "alpha", "drift", "blink", "sensor")
        rngs = dict(zip(kinds, map(np.random.default_rng, np.random.SeedSequence(seed).spawn(len(kinds))), strict=True))
        trials, n_channels = _trials(rngs["trials"], len(self.labels), self.sfreq), len(self.ch_names)
        return SimulatedState(
            trials=trials,
            rngs=rngs,
            filters={kind: np.zeros((len(sos), 2, self._mix[kind].shape[1])) for kind, sos in self._sos.items()},
            next_onset=next(trials),
            next_blink=self._blink_after(rngs["blink"]),
            marks=deque(),
            ready=np.empty((0, n_channels), dtype=np.float32),
            tail=np.empty((0, n_channels)),
        )

    def step(self, state: SimulatedState, n_times: int) -> tuple[np.ndarray, list[tuple[int, str]]]:
        """The next `n_times` samples, float32 (n_times, n_channels) microvolts, and (sample number, label) per onset.

        Sample numbers count from the start of the session; the same seed gives the same signal however it is cut.
        """
        blocks, n_ready = [state.ready], len(state.ready)
        while n_ready < n_times:
            blocks.append(self._block(state))
            n_ready += len(blocks[-1])
        ready = np.concatenate(blocks)
        samples, state.ready = ready[:n_times], ready[n_times:]
        end, markers = state.n_made - len(state.ready), []
        while state.marks and state.marks[0][0] < end:
            onset, label = state.marks.popleft()
            markers.append((onset, self.labels[label]))
        return samples, markers

    def _block(self, state: SimulatedState) -> np.ndarray:
        n_times, n_channels = max(1, round(BLOCK_S * self.sfreq)), len(self.ch_names)
        begin, end = state.n_made, state.n_made + n_times
        out = SENSOR_UV * state.rngs["sensor"].standard_normal((n_times, n_channels))
        out += np.sin(2 * np.pi * LINE_HZ / self.sfreq * np.arange(begin, end))[:, None] * self._line_gain
        for kind, mix in self._mix.items():
            white = state.rngs[kind].standard_normal((n_times, mix.shape[1]))
            coloured, state.filters[kind] = signal.sosfilt(self._sos[kind], white, axis=0, zi=state.filters[kind])
            out += coloured @ mix.T

        events = np.zeros((n_times + round((RESPONSE_S + BLINK_S) * self.sfreq), n_channels))
        events[: len(state.tail)] = state.tail
        while state.next_onset[0] < end:
            onset, label = state.next_onset
            _add(events, onset - begin, self.response(label))
            state.marks.append(state.next_onset)
            state.next_onset = next(state.trials)
        while state.next_blink < end:
            _add(events, state.next_blink - begin, state.rngs["blink"].uniform(0.6, 1.2) * self._blink_shape)
            state.next_blink += self._blink_after(state.rngs["blink"])
        out += events[:n_times]
        state.tail, state.n_made = events[n_times:], end
        return out.astype(np.float32)

    def _blink_after(self, rng: np.random.Generator) -> int:
        return round((0.5 + rng.exponential(BLINK_EVERY_S - 0.5)) * self.sfreq)


def simulate(brain: SimulatedBrain, seed: int, seconds: float) -> tuple[np.ndarray, list[tuple[int, str]]]:
    """A recording of one session: float32 (n_times, n_channels) microvolts and (sample number, label) of each onset."""
    return brain.step(brain.start(seed), round(seconds * brain.sfreq))


def _trials(rng: np.random.Generator, n_labels: int, sfreq: float) -> Iterator[tuple[int, int]]:
    """Onset sample and label of each trial, for ever; labels come at random, none twice in a row."""
    t, label = FIRST_ONSET_S, -1
    while True:
        drawn = int(rng.integers(n_labels - (label >= 0 and n_labels > 1)))
        label = drawn + (0 <= label <= drawn and n_labels > 1)
        yield round(t * sfreq), label
        t += ONSET_TO_ONSET_S + rng.uniform(-JITTER_S, JITTER_S)


def _fields(ch_names: tuple[str, ...], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Channels x sources of each kind, scaled to rms 1 (blink: peak 1) over electrodes all round the head."""
    visual = _dipoles(rng, N_VISUAL, 0.75, lambda at: (at[:, 1] < -0.02) & (at[:, 2] > -0.02) & (at[:, 2] < 0.05))
    background = _dipoles(rng, N_BACKGROUND, 0.3, lambda at: at[:, 2] > -0.03)
    alpha = _dipoles(rng, N_ALPHA, 0.8, lambda at: (at[:, 1] < -0.05) & (at[:, 2] > 0) & (at[:, 2] < 0.05))
    eyes = np.array([[-0.025, 0.07, -0.02], [0.025, 0.07, -0.02]]), np.array([[0, 0.8, 0.6], [0, 0.8, 0.6]])
    groups = {"visual": visual, "background": background, "alpha": alpha, "blink": eyes}
    names = [*ch_names, *(name for name in _SCALE_AT if name not in ch_names)]
    places, moments = (np.concatenate(parts) for parts in zip(*groups.values(), strict=True))
    everything = lead_field(names, places, moments)
    scale_at = [names.index(name) for name in _SCALE_AT]
    fields, at = {}, 0
    for kind, (rr, _) in groups.items():
        field = everything[:, at : at + len(rr)]
        at += len(rr)
        if kind == "blink":
            field = field.sum(axis=1) / np.abs(field[scale_at].sum(axis=1)).max()
        else:
            field = field / np.sqrt((field[scale_at] ** 2).sum(axis=1).mean())
        fields[kind] = field[: len(ch_names)]
    # As many independent noises as channels give the same covariance as hundreds of dipoles, for less work.
    covariance = fields["background"] @ fields["background"].T
    fields["background"] = np.linalg.cholesky(covariance + 1e-6 * np.eye(len(ch_names)))
    return fields


def _dipoles(
    rng: np.random.Generator, n: int, depth: float, inside: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Places and directions of `n` random dipoles between `depth` and the rim of the brain, mostly pointing outward."""
    out = rng.standard_normal((200 * n, 3))
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    places = out * BRAIN_RADIUS_M * rng.uniform(depth, 0.95, (len(out), 1))
    keep = np.flatnonzero(inside(places))[:n]
    moments = out[keep] + 0.5 * rng.standard_normal((n, 3))
    return places[keep], moments / np.linalg.norm(moments, axis=1, keepdims=True)


def _add(events: np.ndarray, at: int, shape: np.ndarray) -> None:
    events[at : at + len(shape)] += shape


def _resonator(centre_hz: float, width_hz: float, sfreq: float) -> np.ndarray:
    """Second-order section that rings at `centre_hz`; driven by white noise it comes and goes like alpha."""
    radius = np.exp(-np.pi * width_hz / sfreq)
    return np.array([[1.0, 0.0, 0.0, 1.0, -2 * radius * np.cos(2 * np.pi * centre_hz / sfreq), radius**2]])


def _unit_gain(sos: np.ndarray) -> np.ndarray:
    """The same filter, giving rms 1 for white noise of rms 1."""
    pulse = np.zeros(100_000)
    pulse[0] = 1
    scaled = np.array(sos, dtype=np.float64)
    scaled[0, :3] /= np.sqrt((signal.sosfilt(sos, pulse) ** 2).sum())
    return scaled
