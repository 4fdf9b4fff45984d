"""The recorder without pytest's fixtures: a context manager in a `unittest.TestCase`."""

from __future__ import annotations

import unittest

from indexer.skeleton import parse

from pytest_telemetry import TelemetryRecorder, span


class ParsingTest(unittest.TestCase):
    """Runs under `python -m unittest` and under pytest."""

    def test_parsing_reports_to_the_recorder_that_is_open(self) -> None:
        """Inside the block the recorder is the ambient context."""
        with TelemetryRecorder() as recorder:
            parse("x = 1\n", "a.py")

        self.assertIn(span("ast.parse", file="a.py"), recorder)  # noqa: PT009 - the style of unittest is the subject

    def test_a_recorder_can_last_for_one_test(self) -> None:
        """`enterContext` ends it with the test."""
        recorder = self.enterContext(TelemetryRecorder())

        parse("x = 1\n", "a.py")

        self.assertEqual(recorder, [span("ast.parse")])  # noqa: PT009 - the style of unittest is the subject
