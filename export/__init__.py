"""PyTorch networks to ONNX (build half, needs torch) and the engines that run them (run half)."""
