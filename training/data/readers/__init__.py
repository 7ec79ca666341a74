"""Readers of published data sets and of a lab's own picture experiments."""
