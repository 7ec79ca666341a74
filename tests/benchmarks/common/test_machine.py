"""What the system says of the machine and of this process."""

import numpy as np

from benchmarks.common.machine import machine, resident_mb, total_memory_gib


def test_the_line_has_cores_system_and_python():
    assert "cores, " in machine()
    assert "Python 3." in machine()


def test_memory_of_the_process_grows_with_its_arrays():
    before = resident_mb()
    block = np.ones(8_000_000)  # 61 MiB
    assert resident_mb() - before > 30
    assert block.nbytes / 2**30 < (total_memory_gib() or np.inf)
