"""A folder that keeps what can be made again, until nobody uses it any more (layer 2).

Several processes may use it at once. What was last used when, its modification time says.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ("remove_unused", "touch")

_LATEST: Final = 10
"""How many files and folders are kept, however old: a zip and a folder of five revisions."""
_DAY_S: Final = 86_400


def touch(path: Path) -> None:
    """Let *path* count as just used, so that no process removes it before a day has passed."""
    with contextlib.suppress(OSError):  # not there yet, or of somebody else, whose it is to remove it
        os.utime(path)


def remove_unused(used: Path) -> None:
    """Remove what lies beside *used* and was last used more than a day before it, but for the latest few."""
    with contextlib.suppress(OSError):  # another process removes it, or it stays: a full cache is as good
        now = used.stat().st_mtime
        others = ((path.stat().st_mtime, path) for path in used.parent.iterdir() if path != used)
        for when, path in sorted(others, reverse=True)[_LATEST:]:
            if now - when <= _DAY_S:
                continue
            if path.is_dir():  # moved away first, so that nobody finds half of it
                shutil.rmtree(path.rename(path.with_name(f".{secrets.token_hex(6)}")), ignore_errors=True)
            else:
                path.unlink()
