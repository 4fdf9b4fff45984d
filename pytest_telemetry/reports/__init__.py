"""Renders records and findings as text; pure (layer 5)."""
