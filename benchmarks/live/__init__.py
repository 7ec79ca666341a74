"""Latency and throughput of the live server."""
