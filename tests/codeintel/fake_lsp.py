"""A language server that does what a script says; a program, `python fake_lsp.py SCRIPT TRANSCRIPT`.

SCRIPT is JSON: for a method, what is done each time a message with it comes, the last again and again. A method that
is not in it is answered with null. TRANSCRIPT gets a line for each message that came.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

OUT = sys.stdout.buffer


def write(data: bytes) -> None:
    OUT.write(data)
    OUT.flush()


def frame(message: dict[str, Any]) -> bytes:
    content = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(content), content)


def read() -> Any:
    length = None
    while (line := sys.stdin.buffer.readline()).strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return None if length is None else json.loads(sys.stdin.buffer.read(length))


def act(action: list[Any], message: dict[str, Any]) -> None:
    kind, *args = action
    if kind == "reply":
        write(frame({"id": message["id"], "result": args[0]}))
    elif kind == "error":
        write(frame({"id": message["id"], "error": {"code": args[0], "message": args[1]}}))
    elif kind == "notify":
        write(frame({"method": args[0], "params": args[1]}))
    elif kind == "ask":
        write(frame({"id": args[0], "method": args[1], "params": args[2]}))
    elif kind == "send":
        write(frame(args[0]))
    elif kind == "raw":
        write(args[0].encode("latin-1") * (args[1] if len(args) > 1 else 1))
    elif kind == "stderr":
        sys.stderr.write(args[0] * args[1])
        sys.stderr.flush()
    elif kind == "exit_if":
        if Path(args[0]).exists():
            os._exit(9)
    elif kind == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif kind == "child":  # one that holds a pipe open for as long as it lives
        held = os.open(args[0], os.O_WRONLY)
        subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"], pass_fds=[held])
        os.close(held)
    elif kind == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "exit":
        os._exit(args[0])
    elif kind == "close":
        os.close(args[0])
    elif kind == "wait":
        while not Path(args[0]).exists():
            time.sleep(0.002)
    elif kind == "hang":
        while True:
            time.sleep(60)


def main() -> None:
    script, transcript = json.loads(sys.argv[1]), sys.argv[2]
    script = {
        "initialize": [[["reply", {"capabilities": {"positionEncoding": "utf-8"}}]]],
        "exit": [[["exit", 0]]],
    } | script
    seen: dict[str, int] = {}
    with Path(transcript).open("a", encoding="utf-8") as log:
        log.write(json.dumps({"method": "spawned", "pid": os.getpid()}) + "\n")
        for action in script.get("spawned", [[]])[0]:
            act(action, {})
        while (message := read()) is not None:
            log.write(json.dumps(message) + "\n")
            log.flush()
            method = message.get("method")
            steps = script.get(method)
            if steps:
                count = seen[method] = seen.get(method, 0) + 1
                for action in steps[min(count, len(steps)) - 1]:
                    act(action, message)
            elif "id" in message and method is not None:
                act(["reply", None], message)


if __name__ == "__main__":
    main()
