"""The command line, ``pytest-telemetry`` (layer 7)."""
