"""Sinks keep records; siblings that never import each other (layer 2)."""
