"""Connectivity: which sensors are coupled."""
