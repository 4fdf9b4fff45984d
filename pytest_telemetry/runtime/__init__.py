"""The write side: what observed code holds, and how its records reach the sinks (layer 1)."""
