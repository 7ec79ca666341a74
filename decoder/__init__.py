"""Layers and networks in torch. Reads no data; export.py writes the ONNX file."""
