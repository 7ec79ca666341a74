"""What the system says of this machine and this process: calls that differ between systems are only here."""

import ctypes
import os
import platform
import sys
from pathlib import Path


def machine() -> str:
    """Class of the machine a figure was measured on: cores, processor, memory, system and Python in one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    memory_gib = total_memory_gib()
    memory = "" if memory_gib is None else f", {memory_gib:.0f} GiB"
    return f"{os.cpu_count()} cores, {model}{memory}, {platform.system()}, Python {platform.python_version()}"


def total_memory_gib() -> float | None:
    """Memory of the machine in GiB; None where the system does not say."""
    if sys.platform == "win32":
        return _windows_total_memory_gib()
    if "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def resident_mb() -> float:
    """Memory of this process in MiB: its present size on Linux and Windows, its largest so far elsewhere."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return round(int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20, 2)
    if sys.platform == "win32":
        return _windows_resident_mb()
    import resource  # Unix only

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, KiB on others
    return round(largest / (2**20 if sys.platform == "darwin" else 2**10), 2)


if sys.platform == "win32":

    class _MemoryStatus(ctypes.Structure):
        """MEMORYSTATUSEX of kernel32."""

        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "c", "d", "e", "f", "g")),
        )

    class _ProcessMemory(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS of kernel32."""

        _fields_ = (
            ("length", ctypes.c_ulong),
            ("faults", ctypes.c_ulong),
            *((name, ctypes.c_size_t) for name in ("peak", "resident", "c", "d", "e", "f", "g", "h")),
        )

    def _windows_total_memory_gib() -> float | None:
        status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
        return status.total / 2**30 if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else None

    def _windows_resident_mb() -> float:
        kernel32, counters = ctypes.windll.kernel32, _ProcessMemory(length=ctypes.sizeof(_ProcessMemory))
        kernel32.GetCurrentProcess.restype = ctypes.c_void_p
        process = ctypes.c_void_p(kernel32.GetCurrentProcess())
        if not kernel32.K32GetProcessMemoryInfo(process, ctypes.byref(counters), counters.length):
            raise OSError("the memory of this process cannot be read")
        return round(counters.resident / 2**20, 2)
