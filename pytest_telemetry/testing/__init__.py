"""The public test kit: recorder, fake clock, metamorphic runs (layer 5)."""
