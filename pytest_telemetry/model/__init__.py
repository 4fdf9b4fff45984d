"""Values and protocols that every other layer is written in (layer 0)."""
