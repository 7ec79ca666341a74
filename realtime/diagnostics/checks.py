"""Checks of this machine, each of which tries the thing that it reports on."""

import platform
import shutil
import socket
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from realtime.command_line import DEFAULT_PORT
from realtime.diagnostics.finding import Finding
from realtime.diagnostics.lsl_checks import clock, liblsl, loopback, streams

LOW_DISK_GB = 2.0
TRAINING = ("torch", "torch_geometric", "onnx", "onnxscript")


def run_checks() -> list[Finding]:
    """Run every check, in order; those on LSL only if liblsl can be loaded."""
    findings = [python(), liblsl()]
    checks: tuple[Callable[[], Finding], ...] = (onnxruntime, port, training, disk)
    if findings[-1].state == "ok":
        checks = (loopback, streams, clock, *checks)
    return findings + [check() for check in checks]


def python() -> Finding:
    """The interpreter and the machine it runs on."""
    description = (
        f"{platform.python_version()}, {platform.system()} {platform.machine()} {' '.join(platform.libc_ver())}".strip()
    )
    return Finding("python", "ok", description)


def onnxruntime() -> Finding:
    """The build of onnxruntime; two of them overwrite each other's files."""
    builds = {name: number for name in ("onnxruntime", "onnxruntime-gpu") if (number := _version(name))}
    suitable = "onnxruntime-gpu" if (sys.platform, platform.machine()) == ("linux", "x86_64") else "onnxruntime"
    if len(builds) > 1:
        return Finding(
            "onnxruntime",
            "fail",
            " and ".join(f"{name} {number}" for name, number in builds.items()) + " side by side",
            f"pip uninstall -y onnxruntime onnxruntime-gpu && pip install {suitable}",
        )
    try:
        import onnxruntime as ort
    except ImportError as error:
        return Finding(
            "onnxruntime", "fail", f"cannot be imported ({error})", f"pip install --force-reinstall {suitable}"
        )
    providers = [name.removesuffix("ExecutionProvider") for name in ort.get_available_providers()]
    return Finding("onnxruntime", "ok", f"{ort.__version__}, built for {', '.join(providers)}")


def port(number: int = DEFAULT_PORT) -> Finding:
    """Whether the server's usual port is free."""
    try:
        socket.create_server(("127.0.0.1", number)).close()
    except OSError as error:
        return Finding(
            f"port {number}", "warn", error.strerror or str(error), "glimpse serve --port with another number"
        )
    return Finding(f"port {number}", "ok", "free")


def training() -> Finding:
    """The libraries that `glimpse train`, `evaluate` and `export` need, and decoding does not."""
    missing = [name for name in TRAINING if find_spec(name) is None]
    if missing:
        advice = "to train: pip install 'glimpse-bci[train]'"
        return Finding("training", "ok", f"not installed: {', '.join(missing)}", advice)
    return Finding("training", "ok", f"installed, torch {version('torch')}")


def disk() -> Finding:
    """Free space in the current folder."""
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    if free_gb < LOW_DISK_GB:
        return Finding("disk", "warn", f"{free_gb:.1f} GB free here", "free some space before recording or training")
    return Finding("disk", "ok", f"{free_gb:.1f} GB free here")


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
