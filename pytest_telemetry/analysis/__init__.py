"""Computes over records: matching, explanations, summaries; pure (layer 3)."""
