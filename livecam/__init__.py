"""livecam: what a vision model sees, and where it looks, at full frame rate."""
