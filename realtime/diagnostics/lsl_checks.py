"""Checks of liblsl: whether it loads and loops back, which streams are visible, how fine its clock is."""

import platform
import time
from collections import Counter
from importlib.metadata import version
from uuid import uuid4

import numpy as np

from realtime.diagnostics.finding import Finding

LOOPBACK_SAMPLES = 50
LOOPBACK_WAIT_S = 5.0
COARSE_MS = 1.0  # a clock with larger steps blurs the onset of a trial
BLOCKED = (
    "let Python through the firewall (UDP 16571, TCP and UDP 16572-16604), switch VPNs off, or name the hosts under "
    "KnownPeers in lsl_api.cfg"
)


def liblsl() -> Finding:
    """Whether pylsl finds and loads its library; its wheel has none on ARM Linux and on old glibc."""
    try:
        import pylsl
    except ModuleNotFoundError:
        return Finding("liblsl", "fail", "pylsl is not installed", "pip install pylsl")
    except RuntimeError as error:
        return Finding("liblsl", "fail", str(error).split(". ")[0], liblsl_cure(platform.system()))
    number = pylsl.library_version()
    return Finding("liblsl", "ok", f"{number // 100}.{number % 100:02d}, pylsl {version('pylsl')}")


def liblsl_cure(system: str) -> str:
    """How to get liblsl where pylsl's wheel has none, by `platform.system()`."""
    anywhere = "or download a release of github.com/sccn/liblsl and set PYLSL_LIB to the library file"
    if system == "Linux":
        # mne-lsl's wheel carries liblsl for glibc from 2.27 on, aarch64 included
        mne_lsl = "pip install mne-lsl and set PYLSL_LIB to the liblsl.so in its lsl/lib folder"
        return f"conda install -c conda-forge liblsl; or {mne_lsl}; {anywhere}"
    if system == "Darwin":
        return f"brew install labstreaminglayer/tap/lsl; or conda install -c conda-forge liblsl; {anywhere}"
    return f"pip install --force-reinstall pylsl and the Microsoft Visual C++ Redistributable; {anywhere}"


def loopback() -> Finding:
    """Send a stream of our own through LSL and read it back; median milliseconds from push to pull."""
    import pylsl

    from realtime.sources.lsl.inlet import resolve_streams

    source_id = f"glimpse-doctor-{uuid4().hex}"
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo("glimpse-doctor", "Test", 1, 100.0, pylsl.cf_float32, source_id))
    visible = resolve_streams(pylsl.ContinuousResolver(pred=f"source_id='{source_id}'"), LOOPBACK_WAIT_S, settle_s=0.0)
    if not visible:
        return Finding("LSL loopback", "fail", f"own stream not found in {LOOPBACK_WAIT_S:g} s", BLOCKED)
    inlet = pylsl.StreamInlet(visible[0], recover=False)
    try:
        inlet.open_stream(timeout=LOOPBACK_WAIT_S)
        ms = []
        for number in range(LOOPBACK_SAMPLES):
            started = time.perf_counter()
            outlet.push_sample([number])
            if inlet.pull_sample(timeout=1.0)[0] != [number]:
                break
            ms.append((time.perf_counter() - started) * 1e3)
    except (pylsl.util.LostError, pylsl.util.TimeoutError):
        return Finding("LSL loopback", "fail", "own stream found, but it does not answer", BLOCKED)
    finally:
        inlet.close_stream()
    if len(ms) < LOOPBACK_SAMPLES:
        return Finding("LSL loopback", "fail", f"{len(ms)} of {LOOPBACK_SAMPLES} samples came back", BLOCKED)
    return Finding(
        "LSL loopback", "ok", f"median {np.median(ms):.2f} ms, longest {max(ms):.2f} ms of {len(ms)} samples"
    )


def streams() -> Finding:
    """The visible LSL streams; a source_id that two of them share, or that is missing, is reported."""
    from realtime.sources.lsl.search import find_streams

    rows = find_streams(1.0)
    if not rows:
        return Finding(
            "LSL streams", "warn", "none visible", "start the amplifier's LSL program; to try without: glimpse demo"
        )
    listing = "; ".join(map(str, rows))
    streams_per_id = Counter(row.source_id for row in rows if row.source_id)
    if shared := [source_id for source_id, n in streams_per_id.items() if n > 1]:
        return Finding(
            "LSL streams",
            "warn",
            listing,
            f"source_id {', '.join(map(repr, shared))} is on several streams: stop one, or give each device its own",
        )
    if nameless := [row.name for row in rows if not row.source_id]:
        return Finding("LSL streams", "warn", listing, f"set a source_id in the sender of {', '.join(nameless)}")
    return Finding("LSL streams", "ok", listing)


def clock() -> Finding:
    """The smallest step of the LSL clock."""
    import pylsl

    ticks = np.unique([pylsl.local_clock() for _ in range(20_000)])
    if len(ticks) < 2:
        return Finding("LSL clock", "warn", "it did not move in 20000 readings", "time stamps will be coarse")
    step_ms = float(np.diff(ticks).min() * 1e3)
    if step_ms > COARSE_MS:
        return Finding(
            "LSL clock", "warn", f"steps of {step_ms:.2f} ms", "onsets will be this coarse: use another machine"
        )
    return Finding("LSL clock", "ok", f"steps of {step_ms * 1e3:.2f} us")
