"""What client and server tell each other before the first request, and what a client answers (layer 2).

The capability ``textDocument.diagnostic`` is left out on purpose: several servers publish no diagnostics to a client
that can ask for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.codeintel.lsp_errors import LSPError
from pytest_telemetry.codeintel.lsp_positions import ENCODINGS

if TYPE_CHECKING:
    from pytest_telemetry.codeintel.jsonrpc import Message
    from pytest_telemetry.codeintel.lsp_positions import PositionEncoding
    from pytest_telemetry.codeintel.workspace import Workspace

__all__ = ("agreed", "answer_to", "initialize_params")

_CAPABILITIES: Final = {
    "general": {
        "positionEncodings": list(ENCODINGS),
        "staleRequestSupport": {
            "cancel": False,
            "retryOnContentModified": [
                f"textDocument/{method}" for method in ("definition", "references", "hover", "documentSymbol")
            ],
        },
    },
    "textDocument": {
        "synchronization": {},
        "publishDiagnostics": {},
        "definition": {"linkSupport": True},
        "references": {},
        "hover": {"contentFormat": ["plaintext", "markdown"]},
        "documentSymbol": {"hierarchicalDocumentSymbolSupport": True},
    },
    "workspace": {"configuration": True, "workspaceFolders": True},
    "window": {"workDoneProgress": True},
}
_AGREED_TO: Final = frozenset(
    {
        "client/registerCapability",
        "client/unregisterCapability",
        "window/showMessageRequest",
        "window/workDoneProgress/create",
        "workspace/diagnostic/refresh",
    }
)
_METHOD_NOT_FOUND: Final = -32601


def initialize_params(workspace: Workspace, process_id: int) -> dict[str, Any]:
    """Return the parameters of ``initialize``."""
    return {
        "processId": process_id,
        "clientInfo": {"name": "pytest-telemetry"},
        "rootUri": workspace.root.as_uri(),
        "rootPath": str(workspace.root),
        "workspaceFolders": _folders(workspace),
        "capabilities": _CAPABILITIES,
    }


def agreed(result: Any, name: str) -> tuple[PositionEncoding, str | None]:
    """Return the position encoding that a server has chosen, and its version where it tells.

    Raises:
        LSPError: This is no result of ``initialize``.
    """
    capabilities = result.get("capabilities") if isinstance(result, dict) else None
    if not isinstance(capabilities, dict):
        raise LSPError(f"{name} answered initialize without its capabilities")
    chosen = capabilities.get("positionEncoding") or "utf-16"
    if chosen not in ENCODINGS:
        raise LSPError(f"{name} chose the position encoding {chosen!r}, which was not offered")
    info = result.get("serverInfo")
    version = info.get("version") if isinstance(info, dict) else None
    return chosen, version if isinstance(version, str) else None


def answer_to(request: Message, workspace: Workspace) -> Message:
    """Return the answer to a request of the server: it has no settings, and may register whatever it likes."""
    method, params = request["method"], request.get("params")
    answer: Message = {"jsonrpc": "2.0", "id": request["id"]}
    if method == "workspace/configuration":
        items = params.get("items") if isinstance(params, dict) else None
        return answer | {"result": [{} for _ in items] if isinstance(items, list) else []}
    if method == "workspace/workspaceFolders":
        return answer | {"result": _folders(workspace)}
    if method in _AGREED_TO:
        return answer | {"result": None}
    return answer | {"error": {"code": _METHOD_NOT_FOUND, "message": f"this client does not know {method}"}}


def _folders(workspace: Workspace) -> list[dict[str, str]]:
    return [{"uri": workspace.root.as_uri(), "name": workspace.root.name or "/"}]
