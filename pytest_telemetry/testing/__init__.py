"""The public test kit: recorder, fake clock, metamorphic runs, contracts of sinks (layer 5)."""
