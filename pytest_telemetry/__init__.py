"""Test what your code reports about itself."""
