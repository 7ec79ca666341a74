"""Samples to decisions, as a library: `decisions, state = decoder.step(samples, state)`.

Weights are shared and nothing of a stream is stored here; the same call decodes a whole file or one live chunk.
"""

from collections.abc import Sequence
from itertools import accumulate
from time import perf_counter

import numpy as np

from realtime.bundle.bundle import Bundle
from realtime.decoding.adaptation import Adaptation
from realtime.decoding.confidence import Confidence
from realtime.decoding.decision import Candidate, Decision
from realtime.decoding.frontend import Frontend, Repair
from realtime.decoding.hop import Hop
from realtime.decoding.runner import OnnxEncoder
from realtime.decoding.track_adaptation import TrackAdaptation
from realtime.errors import BadInput
from realtime.preprocess.chain import Preprocess
from realtime.state import State, prefixed, stack_rows, substate

TOP = 5  # labels in a decision
CONFIDENCE, ADAPTATION = "evidence", "follow"  # old names: saved sessions contain them


class Decoder:
    """Preprocessing, encoder, bank and confidence of one bundle.

    `repair` takes the place of the repair of bad channels, for comparisons.
    """

    def __init__(self, bundle: Bundle, provider: str = "auto", repair: Repair | None = None):
        manifest = bundle.manifest
        self.bundle, self.bank = bundle, bundle.bank
        self.ch_names = tuple(manifest.ch_names)
        self.encoder = runner = OnnxEncoder(bundle.encoder_path, provider)
        self._check()
        self.frontend = Frontend(
            Preprocess(bundle.preprocess, self.ch_names, manifest.sfreq),
            manifest.hop_samples,
            manifest.window_s[1],
            np.array(manifest.positions_m, float),
            repair,
        )
        self.confidence = Confidence(bundle.calibration, manifest.window_s[1])
        self.adaptation = TrackAdaptation(
            Adaptation(len(self.bank.names), self.bank.dim, bundle.calibration, manifest.window_s[1])
        )
        # The first run of an encoder takes many times as long as any other: it is done before samples arrive.
        silence = np.zeros((1, runner.n_channels, runner.hop_samples), np.float32)
        runner.step(silence, -np.ones(1), runner.start())

    def _check(self) -> None:
        manifest, runner = self.bundle.manifest, self.encoder
        if missing := sorted(set(manifest.states) ^ set(runner.states)):
            raise BadInput(
                f"{self.bundle.encoder_path}: states {missing} differ between the encoder and the manifest's key "
                "'states'; export again"
            )
        n_channels = len(manifest.ch_names)
        if (runner.n_channels, runner.hop_samples) != (n_channels, manifest.hop_samples):
            raise BadInput(
                f"{self.bundle.encoder_path}: takes {runner.n_channels} channels by {runner.hop_samples} samples, the "
                f"manifest says {n_channels} by {manifest.hop_samples}; export again"
            )
        if (n_costs := len(manifest.calibration.bad_cost)) not in (0, n_channels):
            raise BadInput(
                f"{self.bundle.path}: the manifest's key 'calibration.bad_cost' has {n_costs} values, needs one for "
                f"each of {n_channels} channels; export again"
            )
        if runner.dim != self.bank.dim:
            raise BadInput(
                f"{self.bundle.encoder_path}: output 'embedding' is {runner.dim} wide, the bank's vectors "
                f"{self.bank.dim}; export again"
            )

    def start(self, tracks: int = 1, adapt: bool = False) -> State:
        """State of a stream before its first sample: a flat dict of arrays that can be saved and moved.

        With several `tracks` as many trials are decoded at once, each by an encoder state of its own. With `adapt` the
        label vectors follow the person as labelled trials end (see `realtime.decoding.adaptation`).
        """
        return {
            **self.frontend.start(tracks),
            **prefixed("encoder", self.encoder.start(tracks)),
            **prefixed(CONFIDENCE, self.confidence.start(tracks)),
            **(prefixed(ADAPTATION, self.adaptation.start(tracks)) if adapt else {}),
        }

    def skip(self, state: State, lost: int) -> State:
        """State after `lost` samples: running levels and adaptation stay, everything else starts from silence."""
        fresh = self.start(self.n_tracks(state), self.adapts(state)) | self.frontend.skip(state, lost)
        if not self.adapts(state):
            return fresh
        return fresh | prefixed(ADAPTATION, self.adaptation.skip(substate(state, ADAPTATION)))

    def n_tracks(self, state: State) -> int:
        """Number of trials that `state` decodes at once."""
        return self.frontend.n_tracks(state)

    def adapts(self, state: State) -> bool:
        """Whether the label vectors of `state` follow the person."""
        return bool(substate(state, ADAPTATION))

    def carry(self, state: State, warm: State) -> State:
        """State with which this decoder continues where another one had `state`; both cut the same hops.

        The encoder's state comes from `warm`, a state of this decoder. Adaptation starts anew.
        """
        shared = {key: value for key, value in state.items() if not key.startswith(("encoder.", f"{ADAPTATION}."))}
        fresh = self.start(self.n_tracks(state), self.adapts(state))
        return fresh | prefixed("encoder", substate(warm, "encoder")) | shared

    def with_labels(self, state: State, labels: Sequence[tuple[int, str]]) -> State:
        """State with the labels of more trials, by trial number, for adaptation; the same state where nothing adapts.

        Labels that the bank does not have are left out.
        """
        rows = [(trial, self.bank.names.index(label)) for trial, label in labels if label in self.bank.names]
        if not rows or not self.adapts(state):
            return state
        return state | prefixed(ADAPTATION, self.adaptation.with_labels(substate(state, ADAPTATION), rows))

    def step(self, samples: np.ndarray, state: State, onsets: Sequence[int] = ()) -> tuple[list[Decision], State]:
        """Decisions of the hops completed by `samples` (n_times, n_channels) in microvolts, bundle's channel order.

        One per hop; where several trials run at once, on tracks, one for each of them. `onsets`: numbers of the samples
        at which trials begin, each given once.
        """
        hops, state = self.prepare(samples, state, onsets)
        decisions = []
        for hop in hops:
            [embeddings], [state] = self.encode([hop], [state])
            more, state = self.decide(hop, embeddings, state)
            decisions += more
        return decisions, state

    def prepare(self, samples: np.ndarray, state: State, onsets: Sequence[int] = ()) -> tuple[list[Hop], State]:
        """Hops completed by `samples`; see `step`."""
        if samples.ndim != 2 or samples.shape[1] != len(self.ch_names):
            raise BadInput(
                f"samples: shape {samples.shape} found, (n_times, {len(self.ch_names)}) needed for the channels of "
                f"bundle {self.bundle.manifest.name}"
            )
        return self.frontend.step(samples, state, onsets)

    def encode(self, hops: Sequence[Hop], states: Sequence[State]) -> tuple[list[np.ndarray], list[State]]:
        """Embeddings (n_tracks, dim) of one hop of each of several streams, in one batch, and their new states."""
        before = {key: stack_rows([s[f"encoder.{key}"] for s in states]) for key in self.encoder.states}
        tracks = [len(hop.clocks) for hop in hops]
        signal = np.array([hop.signal for hop in hops for _ in hop.clocks])
        onset = np.array([clock.onset for hop in hops for clock in hop.clocks])
        embeddings, after = self.encoder.step(signal, onset, before)
        rows = [slice(end - n, end) for end, n in zip(accumulate(tracks), tracks, strict=True)]
        new_states = [
            state | {f"encoder.{key}": value[own] for key, value in after.items()}
            for own, state in zip(rows, states, strict=True)
        ]
        return [embeddings[own] for own in rows], new_states

    def decide(self, hop: Hop, embeddings: np.ndarray, state: State) -> tuple[list[Decision], State]:
        """Decisions for one hop's embeddings (n_tracks, dim): one per running trial, or one without a trial."""
        started = perf_counter()
        logits, cosine = self.bank.scores(embeddings)
        rolled_back = ""
        if adaptation := substate(state, ADAPTATION):
            logits, steps, adaptation = self.adaptation.step(hop.clocks, embeddings, logits, adaptation)
            rolled_back = next((step.rolled_back for step in steps if step.rolled_back), "")
        scaled = logits * self.bundle.calibration.bad_channel_factor(hop.bad)
        p, decided, confidence = self.confidence.step(scaled, hop.clocks, substate(state, CONFIDENCE))
        running = [track for track, clock in enumerate(hop.clocks) if clock.trial is not None]
        bad_channels = tuple(self.ch_names[k] for k in hop.bad.nonzero()[0])
        decisions, ms = list[Decision](), dict[str, float]()
        for track in sorted(running, key=lambda track: hop.clocks[track].trial or 0) or [0]:
            best = (-logits[track]).argsort(kind="stable")[:TOP].tolist()
            top = tuple(Candidate(self.bank.names[k], p[track].item(k), cosine[track].item(k)) for k in best)
            decisions.append(
                Decision(
                    number=hop.number,
                    sample=hop.sample,
                    trial=hop.clocks[track].trial,
                    since_onset_s=hop.clocks[track].since_onset_s,
                    top=top,
                    decided=bool(decided[track]),
                    gap=hop.gap,
                    bad_channels=bad_channels,
                    artifact=hop.artifact,
                    embedding=embeddings[track],
                    p=p[track],
                    ms=ms,
                    rolled_back=rolled_back,
                )
            )
        ms["retrieve"] = (perf_counter() - started) * 1e3
        return decisions, state | prefixed(CONFIDENCE, confidence) | prefixed(ADAPTATION, adaptation)
