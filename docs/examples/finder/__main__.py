"""Runs the finder as a program: ``python -m finder``."""

from __future__ import annotations

import sys

from finder.finder import main

sys.exit(main())
