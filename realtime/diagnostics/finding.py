"""One finding of a check: what was examined, how it went, and what to do."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    check: str
    state: Literal["ok", "warn", "fail"]  # fail: cannot decode; warn: can, but look at it
    found: str
    do: str = ""  # nothing where all is well
