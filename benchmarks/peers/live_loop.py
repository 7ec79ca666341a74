"""The peer: the loop a lab glues together today, from mne-lsl's StreamLSL and a network of braindecode.

StreamLSL fills a ring buffer from a thread of its own, at its default settings. Every hop the newest `window_s` seconds
are taken, referenced to their average, filtered 1 to 40 Hz both ways, scaled per channel, and the whole window goes
through the network again: torch, one thread, inference mode, at the amplifier's rate, which the network's kernels were
made for.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pylsl import local_clock
from scipy.signal import butter, sosfiltfilt

from benchmarks.common.timing import DecisionTiming, percentiles, quantiles, summary
from benchmarks.peers.networks import count_parameters, peer_network, width_for

PASSBAND_HZ, ORDER = (1.0, 40.0), 4
POLL_S = 0.001  # between two looks for new samples; what StreamLSL's own thread waits, too
NAP = 0.8  # share of the time until the next decision that is slept at once: looking more often only costs time


@dataclass(frozen=True)
class PeerLoop:
    """What the peer decodes, and with what."""

    stream: str
    sfreq: float  # Hz
    n_channels: int
    n_labels: int
    hop_samples: int  # of the stream, between decisions
    parameters: int  # of the network it must equal
    network: str = "EEGConformer"
    window_s: float = 1.0


def run(peer: PeerLoop, warm_up_s: float, seconds: float, say: Callable[[Any], None], stop: threading.Event) -> Any:
    """Decode for `seconds` after a warm-up; figures of this process, whose processor time is all the peer's."""
    import torch
    from mne_lsl import set_log_level
    from mne_lsl.stream import StreamLSL

    set_log_level("ERROR")
    torch.set_num_threads(1)
    n_times, hop_s = round(peer.window_s * peer.sfreq), peer.hop_samples / peer.sfreq
    shape = (peer.n_channels, peer.n_labels, n_times, peer.sfreq)
    width = width_for(peer.network, peer.parameters, *shape)
    network = peer_network(peer.network, *shape, width)
    sections = butter(ORDER, PASSBAND_HZ, "bandpass", fs=peer.sfreq, output="sos")
    timing, window_ms, forward_ms = DecisionTiming(hop_s), list[float](), list[float]()
    stream = StreamLSL(bufsize=2 * peer.window_s, name=peer.stream).connect(timeout=30)
    say("ready")
    first: float | None = None  # stamp of the first sample seen: samples are numbered from it
    began = ended = float("inf")
    cpu_s = 0.0
    due = 0  # samples that must have been seen before the next decision
    seen = 0
    try:
        while not stop.is_set() and local_clock() < ended:
            if (short := max(1, due - seen) - stream.n_new_samples) > 0:
                time.sleep(max(POLL_S, NAP * short / peer.sfreq))  # all other polling is StreamLSL's own
                continue
            from_s = time.perf_counter()
            window, stamps = stream.get_data(peer.window_s)
            if stamps[0] == 0:  # the ring is not full yet
                continue
            if first is None:
                first, now = stamps[-1], local_clock()
                began, ended = now + warm_up_s, now + warm_up_s + seconds
            seen = round((stamps[-1] - first) * peer.sfreq) + 1
            due = (seen // peer.hop_samples + 1) * peer.hop_samples
            given = torch.from_numpy(prepared(window, sections))[None]
            forward_from = time.perf_counter()
            with torch.inference_mode():
                torch.softmax(network(given), dim=1)[0].topk(min(5, peer.n_labels))
            now, done_s = local_clock(), time.perf_counter()
            if now >= began:
                if not timing.hops:
                    cpu_s = time.process_time()  # after this decision, which is left out of the division below
                timing.take(seen // peer.hop_samples, float(stamps[-1]), now)
                window_ms.append((forward_from - from_s) * 1e3)
                forward_ms.append((done_s - forward_from) * 1e3)
        cpu_s = time.process_time() - cpu_s
    finally:
        stream.disconnect()
    if len(timing.hops) < 2:
        raise TimeoutError(f"the peer loop decided {len(timing.hops)} times in {seconds:g} s; give it longer")
    return {
        "name": f"mne-lsl StreamLSL, ring buffer, braindecode {peer.network} on the newest {peer.window_s:g} s",
        "push_to_decision_ms": percentiles(timing.late_ms),
        "quantiles_ms": quantiles(timing.late_ms),
        "cpu_ms_per_decision": round(cpu_s * 1e3 / (len(timing.hops) - 1), 3),
        "window_ms": percentiles(window_ms),
        "forward_ms": percentiles(forward_ms),
        "parameters": count_parameters(network),
        "window_s": peer.window_s,
        **summary([timing]),
    }


def prepared(window: np.ndarray, sections: np.ndarray) -> np.ndarray:
    """A window (n_channels, n_times) as the network is given it, float32."""
    centred = window - window.mean(axis=0, keepdims=True)
    filtered = sosfiltfilt(sections, centred, axis=-1)
    scale = filtered.std(axis=-1, keepdims=True)
    return (filtered / np.maximum(scale, 1e-12)).astype(np.float32)
