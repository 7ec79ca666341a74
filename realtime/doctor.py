"""`glimpse doctor`: what works on this machine, what does not, what to do; every row is tried, none assumed."""

import json
import platform
import shutil
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal
from uuid import uuid4

import numpy as np
import tyro
from rich.text import Text

from realtime.arguments import HELP
from realtime.console import table_console, table_of
from realtime.errors import BadInput, check_folder_of

PORT = 8765  # the server's
LOOPBACK_SAMPLES = 50
LOOPBACK_WAIT_S = 5.0
COARSE_MS = 1.0  # a clock that steps further blurs the onset of a trial
LOW_DISK_GB = 2.0
TRAINING = ("torch", "torch_geometric", "onnx", "onnxscript")
BLOCKED = (
    "let Python through the firewall (UDP 16571, TCP and UDP 16572-16604), switch VPNs off, or name the hosts under "
    "KnownPeers in lsl_api.cfg"
)
COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


Peer = Literal["EEGConformer", "ShallowFBCSPNet", "none"]


@dataclass(frozen=True)
class Doctor:
    """Say what works on this machine, what does not, and what to do; with --certify also how much it can decode.

    --certify measures for some minutes: delay of a decision, sessions at once, a MEG helmet, an hour of stream; beside
    a peer, the loop that a lab glues together of mne-lsl's StreamLSL and a braindecode network. Close other programs.
    """

    json: Path | None = None  # also write what was found to this file
    certify: tyro.conf.FlagCreatePairsOff[bool] = False  # measure, and write a page with plots
    out: Path = Path("certificate")  # with --certify: folder for certificate.html and certificate.json
    peer: Peer = "EEGConformer"  # with --certify: the peer's network; none: no peer


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    check: str
    state: Literal["ok", "warn", "fail"]  # fail: cannot decode; warn: can, but look at it
    found: str
    do: str = ""  # nothing where all is well


def main(argv: list[str]) -> int:
    """`glimpse doctor [--json FILE]`: 0 if this machine can decode, 1 if something that needs is broken."""
    command = asked(argv)
    findings = examine()
    tell(findings)
    write([asdict(one) for one in findings], command.json)
    return int(any(one.state == "fail" for one in findings))


def tell(findings: Sequence[Finding]) -> None:
    """Print a row for each, what to do below what was found: beside it both would be columns of single words."""
    table = table_of("", "", "found, and what to do")
    for one in findings:
        said = one.found + (f"\n-> {one.do}" if one.do else "")
        table.add_row(Text(one.state, COLOURS[one.state]), one.check, said)
    table_console().print(table)


def write(findings: Sequence[dict[str, str]], path: Path | None) -> None:
    """Write the findings as JSON, where a path is given."""
    if path is not None:
        path.write_text(json.dumps(findings, indent=1) + "\n", encoding="utf-8")


def asked(argv: list[str]) -> Doctor:
    """The arguments, of `glimpse doctor --certify` too; raises BadInput."""
    command = tyro.cli(Annotated[Doctor, tyro.conf.arg(name="")], args=argv, prog="glimpse doctor", config=HELP)
    check_folder_of(command.json, "--json")
    for key in ("out", "peer"):
        if not command.certify and (found := getattr(command, key)) != getattr(Doctor, key):
            raise BadInput(f"--{key}: {found} found, but nothing is measured without --certify; add it")
    return command


def examine() -> list[Finding]:
    """Every check, in order; those on LSL only where liblsl can be loaded."""
    findings = [python(), liblsl()]
    checks: tuple[Callable[[], Finding], ...] = (onnxruntime, port, training, disk)
    if findings[-1].state == "ok":
        checks = (loopback, streams, clock, *checks)
    return findings + [check() for check in checks]


def python() -> Finding:
    """The interpreter and the machine it runs on."""
    found = (
        f"{platform.python_version()}, {platform.system()} {platform.machine()} {' '.join(platform.libc_ver())}".strip()
    )
    return Finding("python", "ok", found)


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
    """A stream of our own, found and read back through LSL; median milliseconds from push to pull."""
    import pylsl

    from realtime.sources.lsl_inlet import in_sight

    source_id = f"glimpse-doctor-{uuid4().hex}"
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo("glimpse-doctor", "Test", 1, 100.0, pylsl.cf_float32, source_id))
    seen = in_sight(pylsl.ContinuousResolver(pred=f"source_id='{source_id}'"), LOOPBACK_WAIT_S, settle_s=0.0)
    if not seen:
        return Finding("LSL loopback", "fail", f"own stream not found in {LOOPBACK_WAIT_S:g} s", BLOCKED)
    inlet = pylsl.StreamInlet(seen[0], recover=False)
    try:
        inlet.open_stream(timeout=LOOPBACK_WAIT_S)
        ms = []
        for number in range(LOOPBACK_SAMPLES):
            began = time.perf_counter()
            outlet.push_sample([number])
            if inlet.pull_sample(timeout=1.0)[0] != [number]:
                break
            ms.append((time.perf_counter() - began) * 1e3)
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
    """LSL streams in sight; a source_id that two of them share, or that is missing, cannot be followed."""
    from realtime.sources.lsl import find_streams

    rows = find_streams(1.0)
    if not rows:
        return Finding(
            "LSL streams", "warn", "none in sight", "start the amplifier's LSL program; to try without: glimpse demo"
        )
    found = "; ".join(map(str, rows))
    counts = Counter(row.source_id for row in rows if row.source_id)
    if shared := [source_id for source_id, times in counts.items() if times > 1]:
        return Finding(
            "LSL streams",
            "warn",
            found,
            f"source_id {', '.join(map(repr, shared))} is on several streams: stop one, or give each device its own",
        )
    if nameless := [row.name for row in rows if not row.source_id]:
        return Finding("LSL streams", "warn", found, f"set a source_id in the sender of {', '.join(nameless)}")
    return Finding("LSL streams", "ok", found)


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


def onnxruntime() -> Finding:
    """The one build of onnxruntime; two side by side overwrite each other's files."""
    builds = {name: number for name in ("onnxruntime", "onnxruntime-gpu") if (number := _version(name))}
    wanted = "onnxruntime-gpu" if (sys.platform, platform.machine()) == ("linux", "x86_64") else "onnxruntime"
    if len(builds) > 1:
        return Finding(
            "onnxruntime",
            "fail",
            " and ".join(f"{name} {number}" for name, number in builds.items()) + " side by side",
            f"pip uninstall -y onnxruntime onnxruntime-gpu && pip install {wanted}",
        )
    try:
        import onnxruntime as ort
    except ImportError as error:
        return Finding(
            "onnxruntime", "fail", f"cannot be imported ({error})", f"pip install --force-reinstall {wanted}"
        )
    providers = [name.removesuffix("ExecutionProvider") for name in ort.get_available_providers()]
    return Finding("onnxruntime", "ok", f"{ort.__version__}, built for {', '.join(providers)}")


def port(number: int = PORT) -> Finding:
    """Whether the server's usual port is free."""
    try:
        socket.create_server(("127.0.0.1", number)).close()
    except OSError as error:
        return Finding(
            f"port {number}", "warn", error.strerror or str(error), "glimpse serve --port with another number"
        )
    return Finding(f"port {number}", "ok", "free")


def training() -> Finding:
    """What `glimpse train`, `evaluate` and `export` need; decoding does not."""
    missing = [name for name in TRAINING if find_spec(name) is None]
    if missing:
        return Finding("training", "ok", f"not installed: {', '.join(missing)}", "to train: pip install -e '.[train]'")
    return Finding("training", "ok", f"installed, torch {version('torch')}")


def disk() -> Finding:
    """Room where the command was called."""
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    if free_gb < LOW_DISK_GB:
        return Finding("disk", "warn", f"{free_gb:.1f} GB free here", "make room before recording or training")
    return Finding("disk", "ok", f"{free_gb:.1f} GB free here")


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
