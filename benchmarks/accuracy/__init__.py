"""Accuracy of our networks and of their peers on real recordings."""
