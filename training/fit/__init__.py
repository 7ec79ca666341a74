"""Fitting: the ways to train a network."""
