"""The process of a scripted language server: carries bytes and does as it is told, and imports nothing of ours (layer 5).

It is run as ``python -I -S lsp_script.py CONTROL NAME``. The file CONTROL holds the port on which the test listens
and the token that this process shows there. Both ways, a frame is a letter, a length in four bytes, and that many
bytes of content.
"""

import _thread
import os
import socket
import sys

_CHUNK = 65536


def main(control: str, name: str) -> None:
    """Connect to the test, hand over what arrives on standard input, and obey until told to end."""
    with open(control, encoding="ascii") as file:  # noqa: PTH123 - pathlib costs as much as all the rest
        port, token = file.read().split()
    try:
        connection = socket.create_connection(("127.0.0.1", int(port)))
    except OSError as error:
        sys.exit(f"scripted language server: the test that it belongs to is over ({error})")
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def tell(letter: bytes, content: bytes = b"") -> None:
        connection.sendall(letter + len(content).to_bytes(4, "big") + content)

    def carry_input() -> None:
        while chunk := os.read(0, _CHUNK):
            tell(b"i", chunk)
        tell(b"z")

    tell(b"h", f"{token} {os.getpid()} {name}".encode())
    _thread.start_new_thread(carry_input, ())
    stream = connection.makefile("rb")
    while head := stream.read(5):
        content = stream.read(int.from_bytes(head[1:], "big"))
        if head[:1] == b"x":
            os._exit(int(content))
        _write(1 if head[:1] == b"o" else 2, content)
    os._exit(1)  # the test is gone


def _write(stream: int, content: bytes) -> None:
    """Write all of it, also where nobody reads for a while; a client that is gone is for the test to notice."""
    while content:
        try:
            content = content[os.write(stream, content) :]
        except OSError:
            return


if __name__ == "__main__":
    main(*sys.argv[1:3])  # what a client adds is for real servers
