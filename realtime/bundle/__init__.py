"""The bundle: one folder with everything needed to decode."""
