"""Calibration: confidence, channel costs, and the fit to one person."""
