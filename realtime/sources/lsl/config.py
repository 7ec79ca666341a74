"""The configuration of liblsl: the user's own if there is one, else ours, which only makes it less verbose."""

import os
from pathlib import Path

OURS = Path(__file__).with_name("lsl_api.cfg")
# Where liblsl looks when LSLAPICFG is not set.
USER_FILES = (Path("lsl_api.cfg"), Path.home() / "lsl_api" / "lsl_api.cfg", Path("/etc/lsl_api/lsl_api.cfg"))


def configure_liblsl() -> None:
    """Set our configuration of liblsl unless the user has one; to be called before pylsl is imported."""
    if "LSLAPICFG" not in os.environ and not any(path.exists() for path in USER_FILES):
        os.environ["LSLAPICFG"] = str(OURS)
