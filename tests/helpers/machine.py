"""How long the machine kept a process waiting for a processor, so that a bar in seconds measures the program alone."""

import time
from pathlib import Path


def withheld_s(*pids: int) -> float:
    """Seconds so far in which a thread of this process, or of `pids`, was ready to run and another one ran.

    From the kernel's run-queue statistics, summed over the threads alive now; 0.0 on systems without them. The
    difference of two calls is close to zero on an idle machine.
    """
    total_ns = 0
    for pid in ("self", *pids):
        for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                total_ns += int(file.read_text().split()[1])
            except (OSError, IndexError):
                continue  # the thread has just ended
    return total_ns / 1e9


class Withheld:
    """Counts `withheld_s` from now on: what a bar in seconds is extended by on a busy machine."""

    def __init__(self, *pids: int):
        self._pids, self._before_s = pids, withheld_s(*pids)

    def seconds(self) -> float:
        """Seconds withheld since this was made."""
        return max(0.0, withheld_s(*self._pids) - self._before_s)


def sleep_undisturbed(seconds: float) -> None:
    """Sleep until `seconds` have passed that no thread of this process spent waiting for a processor."""
    began, withheld = time.monotonic(), Withheld()
    while (left := seconds - (time.monotonic() - began) + withheld.seconds()) > 0:
        time.sleep(min(left, 0.01))
