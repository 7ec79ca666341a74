"""Decoding: samples in, decisions out, with explicit state."""
