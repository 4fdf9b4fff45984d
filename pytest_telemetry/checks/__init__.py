"""Judges records: one Check per promise; pure (layer 4)."""
