# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that loses the first acknowledgement: the request arrives, and the connection dies before its answer."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

HTTP2_HEADERS = 1
"""The frame type with which an HTTP/2 answer begins."""


class Lossy:
    """Runs until `close`; ``lost`` says whether an answer was lost so far."""

    def __init__(self, upstream: str, begins_answer: Callable[[bytes], bool]) -> None:
        host, port = upstream.rsplit(":", 1)
        self._upstream = (host, int(port))
        self._begins_answer = begins_answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []
        self.lost = False
        self._start(self._accept)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """End every connection and thread."""
        with self._lock:
            for open_socket in self._sockets:
                _end(open_socket)
        for thread in self._threads:
            thread.join(10)

    def _start(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._upstream)
                with self._lock:
                    self._sockets += [client, server]
                self._start(self._requests, client, server)
                self._start(self._answers, server, client)

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        _pump(client, server, lambda data: True)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        seen = bytearray()

        def passes(data: bytes) -> bool:
            seen.extend(data)
            with self._lock:
                if self.lost or not self._begins_answer(bytes(seen)):
                    return True
                self.lost = True
                return False

        _pump(server, client, passes)


@contextlib.contextmanager
def losing(upstream: str, begins_answer: Callable[[bytes], bool]) -> Iterator[Lossy]:
    """A proxy before ``host:port``."""
    proxy = Lossy(upstream, begins_answer)
    try:
        yield proxy
    finally:
        proxy.close()


def begins_http1(seen: bytes) -> bool:
    """Whatever an HTTP/1 server says is an answer."""
    return seen != b""


def begins_http2(seen: bytes) -> bool:
    """Whether a frame of headers is among what an HTTP/2 server has said."""
    at = 0
    while at + 9 <= len(seen):
        if seen[at + 3] == HTTP2_HEADERS:
            return True
        at += 9 + int.from_bytes(seen[at : at + 3])
    return False


def _pump(source: socket.socket, sink: socket.socket, passes: Callable[[bytes], bool]) -> None:
    with contextlib.suppress(OSError):  # the other side has gone
        while (data := source.recv(65536)) and passes(data):
            sink.sendall(data)
    _end(source)
    _end(sink)


def _end(ended: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has ended already
        ended.shutdown(socket.SHUT_RDWR)
    ended.close()
