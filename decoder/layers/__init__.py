"""Streaming layers."""
