"""What records of a language-server client mean, under the names of every writer (layer 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from pytest_telemetry.model.record import Record

__all__ = ("Role", "explains", "is_definition", "pid_of", "role_of", "role_of_method", "said", "succeeded")

Role: TypeAlias = Literal["spawn", "initialize", "ready", "diagnostics", "request", "timeout", "death"]

UNASKED: Final = frozenset({"exited", "no_server", "no_such_line", "not_ready"})
"""Reasons of a fallback where no definition was asked for, so that it is none of the definitions."""

_ROLES: Final[dict[str, Role]] = {
    "lsp.spawn": "spawn",
    "lsp.initialize": "initialize",
    "lsp.ready": "ready",
    "lsp.diagnostics": "diagnostics",
    "lsp.publish_diagnostics": "diagnostics",
    "lsp.request": "request",
    "lsp.timeout": "timeout",
    **dict.fromkeys(
        [
            f"lsp.{method}"
            for method in (
                "code_action",
                "completion",
                "declaration",
                "definition",
                "document_symbol",
                "formatting",
                "hover",
                "implementation",
                "references",
                "rename",
                "signature_help",
                "type_definition",
                "workspace_symbol",
            )
        ],
        "request",
    ),
    **dict.fromkeys(
        [
            f"lsp.{word}"
            for word in ("crash", "death", "died", "disconnect", "exit", "killed", "shutdown", "stop")
        ],
        "death",
    ),
}
_METHOD_PREFIXES: Final = ("lsp.textDocument_", "lsp.text_document_", "lsp.workspace_")
_NO_QUESTIONS: Final = frozenset({"initialized", "shutdown", "exit", "configuration", "workspacefolders"})
_NEVER_SENT: Final = frozenset({"not_ready", "not_sent", "refused", "skipped"})
_FAILED: Final = frozenset({"cancelled", "degraded", "error", "failed", "fallback_to_ast", "timeout"})
_GONE: Final = frozenset({"closed", "cold", "crashed", "dead", "exited", "failed", "shutdown", "stopped"})


def role_of(record: Record) -> Role | None:
    """Return the part that *record* plays in the life of a server, or None if it plays none.

    ``lsp.state_change`` counts by the state that it names. Spans that have not ended play their part already.
    """
    name = record.name
    if not name.startswith("lsp."):
        return None
    word = _status_word(record)
    if name == "lsp.state_change":
        state = word or said(record, "state") or said(record, "lsp_state")
        return "ready" if state == "ready" else "death" if state in _GONE else None
    if name == "lsp.daemon_status":
        return "death" if word.startswith("shutdown") else None
    role: Role | None = "request" if name.startswith(_METHOD_PREFIXES) else _ROLES.get(name)
    if role != "request":
        return role
    return None if word in _NEVER_SENT else role_of_method(_method(record))


def _method(record: Record) -> str:
    """Return the method of the protocol that a request names, in lower case, in its name or its attributes."""
    for prefix in _METHOD_PREFIXES:
        if record.name.startswith(prefix):
            return record.name[len(prefix) :].replace("_", "").lower()
    return said(record, "method")


def role_of_method(method: str) -> Role | None:
    """Return what a message of *method* is: the handshake, notifications and the farewell need no READY."""
    method = method.lower().removeprefix("textdocument/").removeprefix("workspace/")
    if method == "initialize":
        return "initialize"
    if method == "publishdiagnostics":
        return "diagnostics"
    if method in _NO_QUESTIONS or method.startswith(("did", "will", "$/", "window/", "client/")):
        return None
    return "request"


def succeeded(record: Record) -> bool:
    """Tell whether nothing in *record* says that it failed."""
    return record.status != "error" and _status_word(record) not in _FAILED


def explains(record: Record) -> bool:
    """Tell whether *record* says why something failed."""
    keys = ("reason", "result.reason", "error.type", "error", "result.error", "code", "result.code")
    return record.error is not None or any(record.attrs.get(key) is not None for key in keys)


def is_definition(record: Record) -> bool:
    """Tell whether a request asks for a definition."""
    return record.name.endswith("definition") or said(record, "method") == "textdocument/definition"


def _status_word(record: Record) -> str:
    """Return the status that a call site wrote into the attributes, in lower case; empty where there is none."""
    return said(record, "status")


def said(record: Record, key: str) -> str:
    """Return the text under *key*, as an attribute or among args or result, in lower case; empty if none."""
    for name in (key, f"result.{key}", f"args.{key}"):
        value: Any = record.attrs.get(name)
        if isinstance(value, str) and value:
            return value.lower()
    return ""


def pid_of(record: Record) -> int | None:
    """Return the number of the process that *record* names, in its result or as an attribute; None if none."""
    found = [record.attrs.get(key) for key in ("result.pid", "pid")]
    return next((pid for pid in found if type(pid) is int), None)
