"""Tells who was called in the middle of something (layer 1).

A signal handler, or a finaliser, runs at any point of a thread, also where that thread holds a lock for which other
threads wait: whoever waits for those there, waits for ever.
"""

from __future__ import annotations

import inspect

__all__ = ("is_within",)


def is_within(*things: object) -> bool:
    """Tell whether this thread is in the middle of a method of one of *things*, by identity.

    To be called by the function whose caller is asked about, as that is no part of the answer. Looks at each frame
    of the thread, so it is for what happens rarely.
    """
    own = inspect.currentframe()
    frame = own and own.f_back and own.f_back.f_back
    while frame is not None:
        code = frame.f_code
        if code.co_argcount and code.co_varnames[0] == "self":
            owner = frame.f_locals.get("self")
            if any(owner is thing for thing in things):
                return True
        frame = frame.f_back
    return False
