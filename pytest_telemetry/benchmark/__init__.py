"""Measures code against itself: operations, pairs, counters, baselines (layer 2)."""
