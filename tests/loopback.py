# SPDX-License-Identifier: Apache-2.0
"""Run a web server on loopback for what tests put in somebody's place."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Door(BaseHTTPRequestHandler):
    """Takes requests and writes nothing to the terminal."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""
        del format, arguments


@contextmanager
def serving_at(door: type[Door], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The URL of a server whose every connection is one of these doors, while a block lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), door)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
