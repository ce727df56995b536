"""Start weights: metric learning on randomised drawn scenes (docs/log.md has every run)."""
