"""The networks, by the names that manifests use."""

from decoder.networks.registry import NETWORKS, NetworkEntry, build_network, tuples

__all__ = ["NETWORKS", "NetworkEntry", "build_network", "tuples"]
