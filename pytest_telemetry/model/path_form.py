"""The forms of a path: what is a way to say the same, what is inside of what, and what stands for one outside (layer 0).

Nothing here looks at a file.
"""

from __future__ import annotations

import ntpath
import posixpath
import re
from hashlib import sha256
from typing import Final
from urllib.parse import unquote

__all__ = ("HOME", "UNFIT", "below", "is_windows", "label_for", "normal_form", "segments_of", "short_hash")

UNFIT: Final = re.compile(r"[\s:\"'<>|*?,;()\[\]{}$^`=&#\\/%]")
"""What no label holds."""

# On macOS, `/home` is a link.
HOME: Final = re.compile(
    r"(?:[A-Za-z]:\\|/(?:System/Volumes/Data/)?)(?:Users|home)[\\/](?P<person>[^\\/]+)", re.IGNORECASE
)
"""A directory of somebody, whose name is its ``person``."""

_WINDOWS: Final = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_VERBATIM: Final = re.compile(r"\\\\+[?.]\\+(?P<share>UNC\\+)?")


def is_windows(path: str) -> bool:
    """Tell whether *path* begins with a drive or a share."""
    return _WINDOWS.match(path) is not None


def segments_of(path: str) -> list[str]:
    """Return the names that *path* consists of, without drive or share."""
    rest = ntpath.splitdrive(path)[1] if is_windows(path) else path
    return [part for part in re.split(r"[\\/]", rest) if part]


def normal_form(path: str) -> str:
    """Return *path* without its ways to say the same: `..`, doubled slashes, a `file:` URI, `c:` for `C:`."""
    if path[:6].lower() == "file:/":
        path = _of_uri(path[5:])
    if not is_windows(path):
        return "/" + posixpath.normpath(path).lstrip("/")
    verbatim = _VERBATIM.match(path)
    if verbatim is not None:
        path = ("\\\\" if verbatim["share"] else "") + path[verbatim.end() :]
    path = ntpath.normpath(path)
    if path.startswith("\\"):
        return "\\\\" + re.sub(r"\\+", r"\\", path.lstrip("\\"))
    return path[0].upper() + path[1:]


def _of_uri(path: str) -> str:
    path = unquote(path, errors="replace")
    if re.match(r"/+[A-Za-z]:[\\/]", path):
        return path.lstrip("/")
    if path.startswith("//") and not path.startswith("///"):
        host, _, rest = path[2:].partition("/")
        return f"/{rest}" if host.lower() in {"", "localhost"} else f"\\\\{host}\\{rest}"
    return path


def below(path: str, root: str) -> str | None:
    """Return *path* relative to *root*, or None if it is not inside."""
    windows = is_windows(root)
    if windows is not is_windows(path):
        return None
    own, other = (path.casefold(), root.casefold()) if windows else (path, root)
    if own == other:
        return "."
    prefix = other + ("\\" if windows else "/")
    if not own.startswith(prefix):
        return None
    return path[len(prefix) :].replace("\\", "/") if windows else path[len(prefix) :]


def label_for(path: str) -> str:
    """Return ``<hash>-<name>``, what stands for *path* outside a workspace; it is to be in its normal form."""
    parts = segments_of(path)
    name = "home" if HOME.fullmatch(path) else parts[-1] if parts else "root"
    return f"{short_hash(path)}-{UNFIT.sub('_', name)}"


def short_hash(text: str) -> str:
    """Return eight hexadecimal digits, the same ones for the same *text*."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
