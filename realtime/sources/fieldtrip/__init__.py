"""Streams of a FieldTrip buffer."""
