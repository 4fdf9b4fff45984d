"""Locks on open files that nobody waits for (layer 0).

They are advisory (`flock`) and belong to what was opened: a forked child shares them, and closing releases them once
every process that has the file open has closed it.
"""

from __future__ import annotations

try:
    import fcntl
except ImportError:  # Windows
    HAS_LOCKS = False
else:
    HAS_LOCKS = True

__all__ = ("HAS_LOCKS", "lock", "unlock")


def lock(file: int, *, exclusive: bool) -> bool:
    """Lock what *file* has open, shared or exclusively, and tell whether that was possible now.

    Raises:
        OSError: The file system has no locks.
    """
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(file: int) -> None:
    """Release a lock, also for a child that was forked meanwhile."""
    fcntl.flock(file, fcntl.LOCK_UN)
