"""The public test kit: recorder, fake clock, metamorphic runs, scripted language server, contracts of sinks (layer 5)."""
