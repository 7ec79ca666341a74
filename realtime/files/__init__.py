"""Recordings: files of many formats read in one shape, and LSL streams written to XDF."""
