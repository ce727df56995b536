"""Drawn scenes with sound and known truth (NumPy and OpenCV, no torch)."""
