"""A tool that finds its way through Python's standard library, and says what that cost.

The second example of pytest-telemetry: skeletons, a language server, addresses and reads, put together in one file; its
tests are those that document 000 names.
"""
