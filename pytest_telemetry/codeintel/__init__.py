"""Skeletons, language servers, symbols and reads of source code, and what they report about themselves (layer 2)."""
