"""Evaluation: a run or a bundle decodes recordings, and figures are computed."""
