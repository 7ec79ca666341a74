"""Which configuration liblsl reads: the user's own wherever there is one, else ours, which only makes it quieter."""

import os
from pathlib import Path

OURS = Path(__file__).with_name("lsl_api.cfg")
# Where liblsl looks when LSLAPICFG is not set.
THEIRS = (Path("lsl_api.cfg"), Path.home() / "lsl_api" / "lsl_api.cfg", Path("/etc/lsl_api/lsl_api.cfg"))


def configure_liblsl() -> None:
    """Point liblsl at our configuration unless the user has one; call it before pylsl is imported."""
    if "LSLAPICFG" not in os.environ and not any(path.exists() for path in THEIRS):
        os.environ["LSLAPICFG"] = str(OURS)
