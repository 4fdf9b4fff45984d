"""The pytest11 entry point (layer 7)."""
