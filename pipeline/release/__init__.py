"""What leaves the hub: exports with a manifest, and the memory of all that was released."""
