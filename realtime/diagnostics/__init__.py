"""Checks of this machine: what works, what does not, and what to do."""
