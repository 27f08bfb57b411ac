# SPDX-License-Identifier: Apache-2.0
"""Run a web server on loopback for what tests put in somebody's place, or over a folder."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Door(BaseHTTPRequestHandler):
    """Takes requests and writes nothing to the terminal."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""
        del format, arguments


class _File(Door, SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # with the usual five, a reader with sixteen connections waits for lost packets


@contextmanager
def serving_at(door: Callable[..., BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The URL of a server whose every connection is one of these doors, while a block lasts."""
    server = _Server(("127.0.0.1", 0), door)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """The URL of a web server that knows nothing of what it serves."""
    with serving_at(partial(_File, directory=str(folder))) as url:
        yield url
