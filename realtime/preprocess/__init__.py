"""Causal preprocessing with carried state, from microvolts to running standard deviations."""
