"""numpy and onnxruntime: samples in, decisions out. Never imports torch."""
