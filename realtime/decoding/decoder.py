"""Samples to decisions, as a library: `decisions, state = decoder.step(samples, state)`.

Weights are shared and nothing of a stream is kept here; the same call decodes a whole file or one live chunk.
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

TOP = 5  # labels named in a decision


class Decoder:
    """Preprocessing, encoder, bank and confidence of one bundle.

    `repair` takes the place of the repair of bad channels, for comparisons.
    """

    def __init__(self, bundle: Bundle, provider: str = "auto", repair: Repair | None = None):
        manifest = bundle.manifest
        self.bundle, self.bank = bundle, bundle.bank
        self.ch_names = tuple(manifest.ch_names)
        self.runner = runner = OnnxEncoder(bundle.encoder_path, provider)
        self._check()
        self.front = Frontend(
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
        # The first run of an encoder takes many times as long as any other: here, while no sample waits for it.
        silence = np.zeros((1, runner.n_channels, runner.hop_samples), np.float32)
        runner.step(silence, -np.ones(1), runner.start())

    def _check(self) -> None:
        manifest, runner = self.bundle.manifest, self.runner
        if missing := sorted(set(manifest.states) ^ set(runner.states)):
            raise BadInput(
                f"{self.bundle.encoder_path}: states {missing} differ between the encoder and the manifest's key "
                "'states'; export again"
            )
        wanted = (len(manifest.ch_names), manifest.hop_samples)
        if (runner.n_channels, runner.hop_samples) != wanted:
            raise BadInput(
                f"{self.bundle.encoder_path}: takes {runner.n_channels} channels by {runner.hop_samples} samples, the "
                f"manifest says {wanted[0]} by {wanted[1]}; export again"
            )
        if (known := len(manifest.calibration.bad_cost)) not in (0, wanted[0]):
            raise BadInput(
                f"{self.bundle.path}: the manifest's key 'calibration.bad_cost' has {known} values, needs one for each "
                f"of {wanted[0]} channels; export again"
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
            **self.front.start(tracks),
            **prefixed("encoder", self.runner.start(tracks)),
            **prefixed("evidence", self.confidence.start(tracks)),
            **(prefixed("follow", self.adaptation.start(tracks)) if adapt else {}),
        }

    def skip(self, state: State, lost: int) -> State:
        """State after `lost` samples went missing: everything but what is slow starts from silence."""
        fresh = self.start(self.n_tracks(state), self.adapts(state)) | self.front.skip(state, lost)
        if not self.adapts(state):
            return fresh
        return fresh | prefixed("follow", self.adaptation.skip(substate(state, "follow")))

    def n_tracks(self, state: State) -> int:
        """Number of trials that `state` decodes at once."""
        return self.front.n_tracks(state)

    def adapts(self, state: State) -> bool:
        """Whether the label vectors of `state` follow the person."""
        return bool(substate(state, "follow"))

    def carry(self, state: State, warm: State) -> State:
        """State with which this decoder continues where another one had `state`; both cut the same hops.

        The encoder's state comes from `warm`, a state of this decoder. Adaptation starts anew.
        """
        shared = {key: value for key, value in state.items() if not key.startswith(("encoder.", "follow."))}
        fresh = self.start(self.n_tracks(state), self.adapts(state))
        return fresh | prefixed("encoder", substate(warm, "encoder")) | shared

    def with_labels(self, state: State, labels: Sequence[tuple[int, str]]) -> State:
        """State with the labels of more trials, by trial number, for adaptation; the same state where nothing adapts.

        Labels that the bank does not have are left out.
        """
        rows = [(trial, self.bank.names.index(label)) for trial, label in labels if label in self.bank.names]
        if not rows or not self.adapts(state):
            return state
        return state | prefixed("follow", self.adaptation.with_labels(substate(state, "follow"), rows))

    def step(self, samples: np.ndarray, state: State, onsets: Sequence[int] = ()) -> tuple[list[Decision], State]:
        """Decisions of the hops completed by `samples` (n_times, n_channels) in microvolts, bundle's channel order.

        One a hop; where several trials run at once, on tracks, one for each of them. `onsets`: numbers of the samples
        at which trials begin, as far as newly known.
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
        return self.front.step(samples, state, onsets)

    def encode(self, hops: Sequence[Hop], states: Sequence[State]) -> tuple[list[np.ndarray], list[State]]:
        """Embeddings (n_tracks, dim) of one hop each from several streams in one batch, and their states then."""
        before = {key: stack_rows([s[f"encoder.{key}"] for s in states]) for key in self.runner.states}
        tracks = [len(hop.cues) for hop in hops]
        signal = np.array([hop.signal for hop in hops for _ in hop.cues])
        embeddings, after = self.runner.step(signal, np.array([cue.onset for hop in hops for cue in hop.cues]), before)
        ends = accumulate(tracks)
        rows = [slice(end - n, end) for end, n in zip(ends, tracks, strict=True)]
        split = [
            state | {f"encoder.{k}": v[at] for k, v in after.items()} for at, state in zip(rows, states, strict=True)
        ]
        return [embeddings[at] for at in rows], split

    def decide(self, hop: Hop, embeddings: np.ndarray, state: State) -> tuple[list[Decision], State]:
        """Decisions for one hop's embeddings (n_tracks, dim): of every running trial, or of none where none runs."""
        began = perf_counter()
        inner, cosine = self.bank.scores(embeddings)
        rolled_back = ""
        if follow := substate(state, "follow"):
            inner, learned, follow = self.adaptation.step(hop.cues, embeddings, inner, follow)
            rolled_back = next((one.rolled_back for one in learned if one.rolled_back), "")
        trusted = inner * self.bundle.calibration.trust(hop.bad)
        p, decided, evidence = self.confidence.step(trusted, hop.cues, substate(state, "evidence"))
        running = [i for i, cue in enumerate(hop.cues) if cue.trial is not None]
        bad_channels = tuple(self.ch_names[k] for k in hop.bad.nonzero()[0])
        decisions, ms = list[Decision](), dict[str, float]()
        for i in sorted(running, key=lambda i: hop.cues[i].trial or 0) or [0]:
            best = (-inner[i]).argsort(kind="stable")[:TOP].tolist()
            top = tuple(Candidate(self.bank.names[k], p[i].item(k), cosine[i].item(k)) for k in best)
            decisions.append(
                Decision(
                    number=hop.number,
                    sample=hop.sample,
                    trial=hop.cues[i].trial,
                    since_onset_s=hop.cues[i].since_onset_s,
                    top=top,
                    decided=bool(decided[i]),
                    gap=hop.gap,
                    bad_channels=bad_channels,
                    artifact=hop.artifact,
                    embedding=embeddings[i],
                    p=p[i],
                    ms=ms,
                    rolled_back=rolled_back,
                )
            )
        ms["retrieve"] = (perf_counter() - began) * 1e3
        return decisions, state | prefixed("evidence", evidence) | prefixed("follow", follow)
