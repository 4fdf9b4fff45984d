"""What the pytest plugin does once something asked for it (layer 7)."""
