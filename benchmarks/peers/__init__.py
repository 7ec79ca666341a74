"""Peers: the tools and networks that Glimpse is measured against."""
