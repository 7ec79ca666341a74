"""Figures anybody can rerun."""
