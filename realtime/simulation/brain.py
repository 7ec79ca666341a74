"""A simulated person: pictures evoke potentials that a fixed brain computes from their vectors.

A few dozen occipito-temporal dipoles answer each onset; a fixed random linear map, the same in every session, weights
them by the vector of the picture. Noise is 1/f activity of the whole brain, occipital alpha in bursts, blinks, line
noise, drift and sensor noise. Everything is in microvolts.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import signal

from realtime.simulation.dipoles import N_VISUAL, source_patterns

BRAIN_SEED = 20  # of the person, who is the same in every session
BLOCK_S = 0.2  # samples are generated in blocks of this length, so that the sizes of calls cannot matter
ONSET_TO_ONSET_S, JITTER_S = 1.4, 0.1  # a trial; the time from onset to onset varies by +-JITTER_S
FIRST_ONSET_S = 1.0
EVOKED_S = 0.8  # evoked potentials end this long after onset
LATENCIES_S = np.array([0.09, 0.13, 0.17, 0.22, 0.28, 0.36, 0.46])  # peaks of the components
WIDTHS_S = np.array([0.018, 0.022, 0.028, 0.035, 0.045, 0.06, 0.08])
# rms of what distinguishes pictures at snr 1, and of what they share. Measured at snr 1, 48 labels, 25 channels:
# whitened ridge regression fitted to 10 minutes names 60 % of another session's trials, fitted to 50 minutes 88 %.
VISUAL_UV, COMMON_UV = 2.0, 4.0
BACKGROUND_UV, ALPHA_UV, BLINK_UV, LINE_UV, DRIFT_UV, SENSOR_UV = 9.0, 5.0, 120.0, 1.5, 8.0, 1.0
BLINK_EVERY_S, BLINK_S, LINE_HZ = 6.0, 0.3, 50.0
BLINK_FACTOR = (0.6, 1.2)  # a blink's size, uniform between these
# 1/f noise from white: third-order fit over three decades below half the rate (J. O. Smith, Spectral Audio Signal
# Processing).
PINK = (0.049922035, -0.095993537, 0.050612699, -0.004408786), (1.0, -2.494956002, 2.017265875, -0.522189400)


@dataclass(frozen=True)
class NoiseSource:
    """White noise of rms 1, filtered, then mixed into the channels."""

    sos: np.ndarray  # (n_sections, 6)
    mixing: np.ndarray  # (n_channels, n_noises) microvolts


@dataclass
class SimulatedState:
    """One session between two blocks; changed in place."""

    trials: Iterator[tuple[int, int]]  # (sample of onset, row of the label)
    rngs: dict[str, np.random.Generator]  # one per kind of noise
    filters: dict[str, np.ndarray]  # state of each filter
    next_onset: tuple[int, int]
    next_blink: int
    ready: np.ndarray  # samples generated and not returned yet
    onsets: deque[tuple[int, int]]  # generated and not returned yet
    tail: np.ndarray  # evoked potentials and blinks that reach past n_generated
    n_generated: int = 0  # samples


class SimulatedBrain:
    """The person and the cap: everything that does not change during a session.

    `label_vectors` is (n_labels, D), a row per thing that can be seen, of any length; `labels` are their names. `snr`
    scales what distinguishes pictures. `BadInput` for a channel without a place in the 10-05 system.
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
        patterns = source_patterns(self.ch_names, rng)
        self.line_gain = LINE_UV * np.exp(0.4 * rng.standard_normal(512)[: len(ch_names)])  # (n_channels,) amplitudes

        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        n_components = len(LATENCIES_S)
        shared = rng.standard_normal(N_VISUAL * n_components)
        weights = rng.standard_normal((unit.shape[1], N_VISUAL * n_components))
        self._amplitudes = snr * VISUAL_UV * (unit @ weights) + COMMON_UV * shared  # (label, dipole * component)
        t = np.arange(round(EVOKED_S * sfreq)) / sfreq
        shapes = np.exp(-0.5 * ((t[:, None] - LATENCIES_S) / WIDTHS_S) ** 2)  # (time, component)
        self._project = np.einsum("tp,cd->dptc", shapes, patterns["visual"]).reshape(N_VISUAL * n_components, -1)

        pink, alpha = signal.tf2sos(*PINK), _resonator(10.0, 1.5, sfreq)
        drift = signal.butter(2, 0.1, fs=sfreq, output="sos")
        self.noise_sources = {
            "background": NoiseSource(_unit_gain(pink), BACKGROUND_UV * patterns["background"]),
            "alpha": NoiseSource(_unit_gain(alpha), ALPHA_UV * patterns["alpha"]),
            "drift": NoiseSource(_unit_gain(drift), DRIFT_UV * np.eye(len(self.ch_names))),
        }
        # (n_times, n_channels), before its factor of BLINK_FACTOR
        self.blink_shape = np.outer(np.hanning(round(BLINK_S * sfreq)), BLINK_UV * patterns["blink"])

    def evoked(self, label: int) -> np.ndarray:
        """Evoked potential of one label without noise, (n_times, n_channels) microvolts from onset on."""
        potential: np.ndarray = self._amplitudes[label] @ self._project
        return potential.reshape(-1, len(self.ch_names))

    def start(self, seed: int) -> SimulatedState:
        """A session before its first sample; `seed` decides its order of labels and its noise."""
        kinds = ("trials", "background", "alpha", "drift", "blink", "sensor")
        rngs = dict(zip(kinds, map(np.random.default_rng, np.random.SeedSequence(seed).spawn(len(kinds))), strict=True))
        trials, n_channels = _trials(rngs["trials"], len(self.labels), self.sfreq), len(self.ch_names)
        return SimulatedState(
            trials=trials,
            rngs=rngs,
            filters={
                kind: np.zeros((len(source.sos), 2, source.mixing.shape[1]))
                for kind, source in self.noise_sources.items()
            },
            next_onset=next(trials),
            next_blink=self._blink_after(rngs["blink"]),
            onsets=deque(),
            ready=np.empty((0, n_channels), dtype=np.float32),
            tail=np.empty((0, n_channels)),
        )

    def step(self, state: SimulatedState, n_times: int) -> tuple[np.ndarray, list[tuple[int, str]]]:
        """The next `n_times` samples, float32 (n_times, n_channels) microvolts, and (sample number, label) per onset.

        Sample numbers count from the start of the session; the same seed gives the same signal for any `n_times`.
        """
        blocks, n_ready = [state.ready], len(state.ready)
        while n_ready < n_times:
            blocks.append(self._block(state))
            n_ready += len(blocks[-1])
        ready = np.concatenate(blocks)
        samples, state.ready = ready[:n_times], ready[n_times:]
        end, markers = state.n_generated - len(state.ready), []
        while state.onsets and state.onsets[0][0] < end:
            onset, label = state.onsets.popleft()
            markers.append((onset, self.labels[label]))
        return samples, markers

    def _block(self, state: SimulatedState) -> np.ndarray:
        n_times, n_channels = max(1, round(BLOCK_S * self.sfreq)), len(self.ch_names)
        begin, end = state.n_generated, state.n_generated + n_times
        out = SENSOR_UV * state.rngs["sensor"].standard_normal((n_times, n_channels))
        out += np.sin(2 * np.pi * LINE_HZ / self.sfreq * np.arange(begin, end))[:, None] * self.line_gain
        for kind, source in self.noise_sources.items():
            white = state.rngs[kind].standard_normal((n_times, source.mixing.shape[1]))
            coloured, state.filters[kind] = signal.sosfilt(source.sos, white, axis=0, zi=state.filters[kind])
            out += coloured @ source.mixing.T

        events = np.zeros((n_times + round((EVOKED_S + BLINK_S) * self.sfreq), n_channels))
        events[: len(state.tail)] = state.tail
        while state.next_onset[0] < end:
            onset, label = state.next_onset
            _add(events, onset - begin, self.evoked(label))
            state.onsets.append(state.next_onset)
            state.next_onset = next(state.trials)
        while state.next_blink < end:
            _add(events, state.next_blink - begin, state.rngs["blink"].uniform(*BLINK_FACTOR) * self.blink_shape)
            state.next_blink += self._blink_after(state.rngs["blink"])
        out += events[:n_times]
        state.tail, state.n_generated = events[n_times:], end
        return out.astype(np.float32)

    def _blink_after(self, rng: np.random.Generator) -> int:
        return round((0.5 + rng.exponential(BLINK_EVERY_S - 0.5)) * self.sfreq)


def simulate(brain: SimulatedBrain, seed: int, seconds: float) -> tuple[np.ndarray, list[tuple[int, str]]]:
    """A recording of one session: float32 (n_times, n_channels) microvolts and (sample number, label) of each onset."""
    return brain.step(brain.start(seed), round(seconds * brain.sfreq))


def _trials(rng: np.random.Generator, n_labels: int, sfreq: float) -> Iterator[tuple[int, int]]:
    """Onset sample and label of each trial, without end; labels come at random, none twice in a row."""
    t, label = FIRST_ONSET_S, -1
    while True:
        drawn = int(rng.integers(n_labels - (label >= 0 and n_labels > 1)))
        label = drawn + (0 <= label <= drawn and n_labels > 1)
        yield round(t * sfreq), label
        t += ONSET_TO_ONSET_S + rng.uniform(-JITTER_S, JITTER_S)


def _add(events: np.ndarray, first: int, shape: np.ndarray) -> None:
    events[first : first + len(shape)] += shape


def _resonator(centre_hz: float, width_hz: float, sfreq: float) -> np.ndarray:
    """Second-order section that rings at `centre_hz`; driven by white noise it comes and goes like alpha."""
    radius = np.exp(-np.pi * width_hz / sfreq)
    return np.array([[1.0, 0.0, 0.0, 1.0, -2 * radius * np.cos(2 * np.pi * centre_hz / sfreq), radius**2]])


def _unit_gain(sos: np.ndarray) -> np.ndarray:
    """The same filter, scaled to give rms 1 for white noise of rms 1."""
    pulse = np.zeros(100_000)
    pulse[0] = 1
    scaled = np.array(sos, dtype=np.float64)
    scaled[0, :3] /= np.sqrt((signal.sosfilt(sos, pulse) ** 2).sum())
    return scaled
