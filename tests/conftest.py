"""Every process that runs tests has an LSL of its own: it sees no stream of the room or of another one."""

import atexit
import os
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from tests.helpers.shared import made_once

# How long an example takes is no claim of a test, and a run fails for the same reason every time or not at all. To look
# for new examples: pytest --hypothesis-profile=default.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

# Before anything loads liblsl, which reads this file once; processes that tests start inherit it.
FOLDER = tempfile.TemporaryDirectory(prefix="glimpse-lsl-")
atexit.register(FOLDER.cleanup)
CONFIG = Path(FOLDER.name) / "lsl_api.cfg"
CONFIG.write_text(f"[lab]\nSessionID = glimpse-tests-{uuid4().hex}\n[log]\nlevel = -1\n")
os.environ["LSLAPICFG"] = str(CONFIG)

# One thread a process: the networks of the tests are small, and several processes run side by side.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


# The files that take longest, which are begun first when files run side by side: the last one decides when all is done.
LONG = (
    "system/test_live_equals_offline.py",
    "training/runs/test_recipe.py",
    "system/test_faults.py",
    "decoder/test_contract.py",
    "benchmarks/live/test_latency.py",
    "system/test_session_handover.py",
    "realtime/live/test_stream_reader.py",
    "realtime/recorder/test_recorder.py",
    "system/test_page.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests of LONG first, in its order; the others stay in theirs."""
    rank = {Path(__file__).parent / name: k for k, name in enumerate(LONG)}
    if gone := [str(path) for path in rank if not path.exists()]:
        raise pytest.UsageError(f"LONG in {__file__} names files that are not there: {', '.join(gone)}")
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@pytest.fixture(scope="session")
def flagship(tmp_path_factory):
    """The bundle of the flagship network, untrained; its export takes many seconds."""
    from realtime.bundle.bundle import Bundle
    from tests.helpers.bundles import flagship_bundle

    folder = made_once(tmp_path_factory, "flagship", lambda folder: flagship_bundle(folder / "flagship"))
    return Bundle.load(folder / "flagship")
