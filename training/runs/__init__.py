"""Runs: what a network is, how it was trained, and its weights."""
