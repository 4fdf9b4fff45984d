"""A small client of language servers that keeps all ten rules; the tests break it one line at a time."""

from __future__ import annotations

import itertools
import json
import queue
import subprocess
import threading
from typing import Any

OPEN = ("starting", "initialized", "ready")


class NotReady(Exception):
    """The server is not READY, and nothing was asked."""


class Client:
    def __init__(
        self, command: Any, telemetry: Any, policy: str, handshake_timeout: float | None = 5.0
    ) -> None:
        self.command, self.telemetry, self.policy = command, telemetry, policy
        self.handshake_timeout = handshake_timeout
        self.state = "new"
        self.process: Any = None
        self.opened: list[str] = []
        self._ids = itertools.count(1)
        self._replies: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        self._lock = threading.RLock()
        self._reader = threading.Thread(target=self._read)

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self._reader.start()
        self.state = "starting"
        self.telemetry.event("lsp.spawn", executable="scripted")
        try:
            reply = self._request("initialize", {"capabilities": {}}, self.handshake_timeout)
        except TimeoutError:
            self._end("failed", "no answer to initialize in time")
            return
        if "error" in reply:
            self._end("failed", reply["error"]["message"])
            return
        self._send({"method": "initialized", "params": {}})
        with self._lock:
            if self.state == "starting":
                self.state = "initialized"
        if self.policy == "initialized":
            self._become_ready("initialized")

    def open(self, uri: str) -> None:
        self.opened.append(uri)
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": {"uri": uri, "text": ""}}})

    def find_out(self, uri: str, timeout: float) -> None:
        if self.policy == "warmup-uri":
            raise NotReady(self.state)
        try:
            reply = self._request("textDocument/definition", {"textDocument": {"uri": uri}}, timeout)
        except TimeoutError:
            self.telemetry.event("lsp.timeout", method="textDocument/definition")
        else:
            if reply.get("result"):
                self._become_ready("definition")

    def ask(self, method: str) -> Any:
        if self.state != "ready":
            raise NotReady(self.state)
        return self._request(method, {}, 5.0).get("result")

    def close(self) -> None:
        with self._lock:
            self.state = "closing" if self.state in OPEN else self.state
        if self.state == "closing":
            self._request("shutdown", None, 5.0)
            self._send({"method": "exit"})
            self._end("closed", "the user closed it")
        self._reader.join()
        self.process.stdout.close()

    def _become_ready(self, via: str) -> None:
        with self._lock:
            if self.state == "initialized":
                self.telemetry.event("lsp.ready", ready_via=via)
                self.state = "ready"

    def _end(self, state: str, reason: str) -> None:
        with self._lock:
            if self.state not in (OPEN if state == "failed" else ("closing",)):
                return
            self.telemetry.event("lsp.state_change", status=state, reason=reason)
            self.state = state
        if state == "failed":
            self.process.kill()
        self.process.stdin.close()
        self.process.wait()

    def _request(self, method: str, params: Any, timeout: float | None) -> dict[str, Any]:
        number = next(self._ids)
        self._replies[number] = queue.SimpleQueue()
        self._send({"id": number, "method": method, "params": params})
        try:
            return self._replies[number].get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(method) from None

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def _read(self) -> None:
        while header := self.process.stdout.readline():
            self.process.stdout.readline()
            body = b""
            while len(body) < int(header.split(b":")[1]):
                body += self.process.stdout.read(int(header.split(b":")[1]) - len(body))
            self._take(json.loads(body))
        for waiting in self._replies.values():
            waiting.put({"error": {"message": "the server has ended"}})
        self._end("failed", "the server has ended")

    def _take(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            self._replies[message["id"]].put(message)
        elif "id" in message:
            self._send({"id": message["id"], "error": {"code": -32601, "message": "unknown"}})
        elif message["method"] == "textDocument/publishDiagnostics" and self.policy != "initialized":
            uri = message["params"]["uri"]
            if self.policy != "warmup-uri" or uri == self.opened[0]:
                self.telemetry.event("lsp.diagnostics", uri=uri)
                self._become_ready("diagnostics")
