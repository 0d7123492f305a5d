"""Keep a fitted model: as a file of ours, or as an ONNX model."""
