"""Recordings: files of many formats, read into one type."""
