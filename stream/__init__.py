"""The texture folder, the transition graph, the walk over it, and the packets it plays (no torch)."""
