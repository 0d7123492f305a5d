"""Save a fitted model, as a file of this package or as an ONNX model."""
