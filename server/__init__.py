"""HTTP, WHEP, the packet fan-out and the viewer page (no torch)."""
