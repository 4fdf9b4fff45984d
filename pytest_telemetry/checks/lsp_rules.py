"""The ten rules of the order between a language server, its client, and what the client tells (layer 4)."""

from __future__ import annotations

from typing import Final

__all__ = ("RULES",)

RULES: Final = {
    "R1": "a server becomes READY once in each of its lives",
    "R2": "READY needs the InitializeResult, and what the policy asks for",
    "R3": "no request goes out before READY",
    "R4": "nothing goes out before the InitializeResult, and initialized is the first thing after it",
    "R5": "a handshake that came to its end is told as READY, or as a failure",
    "R6": "a failure is told by an event that says why",
    "R7": "the death of a server that was READY is told, and READY is over",
    "R8": "no time-out makes a server READY",
    "R9": "a handshake that nobody answers ends by a time-out",
    "R10": "READY comes before shutdown, and exit after the reply to it",
}
"""By their ids. R1, R2, R3, R7 and R8 judge records alone as well; the others need to see the wire."""
