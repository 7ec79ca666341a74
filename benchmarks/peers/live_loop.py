"""The peer: the loop a lab assembles today from mne-lsl's StreamLSL and a network of braindecode.

StreamLSL fills a ring buffer from a thread of its own, at its default settings. At every hop the newest `window_s`
seconds are read, referenced to their average, filtered 1 to 40 Hz in both directions and scaled per channel. Then the
whole window passes through the network again: torch, one thread, inference mode, at the amplifier's rate, for which the
network's kernels were made.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pylsl import local_clock
from scipy.signal import butter, sosfiltfilt

from benchmarks.common.timing import DecisionTiming, percentiles, quantiles, summarise_timings
from benchmarks.peers.network_widths import count_parameters, peer_network, width_for

PASSBAND_HZ, ORDER = (1.0, 40.0), 4
POLL_S = 0.001  # between two checks for new samples; StreamLSL's own thread waits as long
SLEEP_SHARE = 0.8  # of the time until the next decision, slept at once: checking more often only costs time


@dataclass(frozen=True)
class PeerLoop:
    """Which stream the peer decodes, and with which network."""

    stream: str
    sfreq: float  # Hz
    n_channels: int
    n_labels: int
    hop_samples: int  # of the stream, between decisions
    parameters: int  # that the network must have
    network: str = "EEGConformer"
    window_s: float = 1.0


@dataclass
class LoopTimes:
    """What is measured of the decisions after the warm-up."""

    timing: DecisionTiming
    window_ms: list[float] = field(default_factory=list)  # reading and filtering a window
    forward_ms: list[float] = field(default_factory=list)
    cpu_from_s: float = 0.0  # processor time after the first decision


def run_peer_loop(
    peer: PeerLoop, warm_up_s: float, seconds: float, say: Callable[[Any], None], stop: threading.Event
) -> dict[str, Any]:
    """Decode for `seconds` after a warm-up, for a WorkerProcess; figures, with this process's processor time.

    TimeoutError where it decides fewer than two times.
    """
    import torch
    from mne_lsl import set_log_level
    from mne_lsl.stream import StreamLSL

    set_log_level("ERROR")
    torch.set_num_threads(1)
    shape = (peer.n_channels, peer.n_labels, round(peer.window_s * peer.sfreq), peer.sfreq)
    network = peer_network(peer.network, *shape, width_for(peer.network, peer.parameters, *shape))
    times = LoopTimes(DecisionTiming(peer.hop_samples / peer.sfreq))
    stream = StreamLSL(bufsize=2 * peer.window_s, name=peer.stream).connect(timeout=30)
    say("ready")
    try:
        _decode_windows(peer, stream, network, times, warm_up_s, seconds, stop)
        cpu_s = time.process_time() - times.cpu_from_s
    finally:
        stream.disconnect()
    timing = times.timing
    if len(timing.hops) < 2:
        raise TimeoutError(f"the peer loop decided {len(timing.hops)} times in {seconds:g} s; give it longer")
    return {
        "name": f"mne-lsl StreamLSL, ring buffer, braindecode {peer.network} on the newest {peer.window_s:g} s",
        "push_to_decision_ms": percentiles(timing.late_ms),
        "quantiles_ms": quantiles(timing.late_ms),
        # The first decision is in the count but not in the time.
        "cpu_ms_per_decision": round(cpu_s * 1e3 / (len(timing.hops) - 1), 3),
        "window_ms": percentiles(times.window_ms),
        "forward_ms": percentiles(times.forward_ms),
        "parameters": count_parameters(network),
        "window_s": peer.window_s,
        **summarise_timings([timing]),
    }


def _decode_windows(
    peer: PeerLoop, stream: Any, network: Any, times: LoopTimes, warm_up_s: float, seconds: float, stop: threading.Event
) -> None:
    import torch

    sections = butter(ORDER, PASSBAND_HZ, "bandpass", fs=peer.sfreq, output="sos")
    first: float | None = None  # stamp of the first sample received: samples are numbered from it
    began = ended = float("inf")
    due = 0  # samples that must be there before the next decision
    received = 0
    while not stop.is_set() and local_clock() < ended:
        if (missing := max(1, due - received) - stream.n_new_samples) > 0:
            time.sleep(max(POLL_S, SLEEP_SHARE * missing / peer.sfreq))  # all other polling is StreamLSL's own
            continue
        window_from_s = time.perf_counter()
        window, stamps = stream.get_data(peer.window_s)
        if stamps[0] == 0:  # the ring is not full yet
            continue
        if first is None:
            first, now = stamps[-1], local_clock()
            began, ended = now + warm_up_s, now + warm_up_s + seconds
        received = round((stamps[-1] - first) * peer.sfreq) + 1
        due = (received // peer.hop_samples + 1) * peer.hop_samples
        batch = torch.from_numpy(prepare_window(window, sections))[None]
        forward_from_s = time.perf_counter()
        with torch.inference_mode():
            torch.softmax(network(batch), dim=1)[0].topk(min(5, peer.n_labels))
        now, done_s = local_clock(), time.perf_counter()
        if now >= began:
            if not times.timing.hops:
                times.cpu_from_s = time.process_time()
            times.timing.add(received // peer.hop_samples, float(stamps[-1]), now)
            times.window_ms.append((forward_from_s - window_from_s) * 1e3)
            times.forward_ms.append((done_s - forward_from_s) * 1e3)


def prepare_window(window: np.ndarray, sections: np.ndarray) -> np.ndarray:
    """A window (n_channels, n_times) in microvolts as the network takes it, float32, with unit variance per channel."""
    centred = window - window.mean(axis=0, keepdims=True)
    filtered = sosfiltfilt(sections, centred, axis=-1)
    scale = filtered.std(axis=-1, keepdims=True)
    scaled: np.ndarray = filtered / np.maximum(scale, 1e-12)
    return scaled.astype(np.float32)
