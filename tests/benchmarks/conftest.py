"""Makes the modules of the benchmarks importable; in importlib mode pytest leaves that to us."""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = str(Path(__file__).parents[2])
if _ROOT not in sys.path:
    sys.path.append(_ROOT)
