"""Retrieval of concepts that were never trained on, on simulated signals."""
