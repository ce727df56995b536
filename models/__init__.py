"""PyTorch networks and their fitting: trunks, heads, losses; drawn scenes live in `models.scenes`."""
