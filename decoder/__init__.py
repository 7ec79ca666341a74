"""Layers and networks in torch. Knows no files (but `export`), no clocks and no sockets."""
