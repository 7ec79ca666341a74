"""The finding of one check."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """The state of one thing on this machine, and what to do about it."""

    check: str
    state: Literal["ok", "warn", "fail"]  # fail: this machine cannot decode; warn: it can, with a limitation
    found: str
    advice: str = ""  # empty if nothing needs to be done

    def to_json(self) -> dict[str, str]:
        """The finding as `glimpse doctor --json` writes it."""
        return {"check": self.check, "state": self.state, "found": self.found, "do": self.advice}
