"""Processors shape records or drop them; siblings that never import each other (layer 2)."""
