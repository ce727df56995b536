"""Networks that make the pictures between two pictures (build half: needs torch)."""
