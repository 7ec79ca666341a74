"""Bundles that ship with Glimpse."""
