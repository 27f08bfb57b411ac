# SPDX-License-Identifier: Apache-2.0
"""Stands between a client and PostgreSQL, and cuts the connection at a message of the client's choosing by number.

Messages are those of PostgreSQL's protocol 3: a type, a length, the rest. The message where a connection is cut is
either kept from the server, or delivered while its reply is not; the server then sees the client gone.
"""

import socket
import threading
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import Self


class Cut(Enum):
    """What happens to the message at which a connection ends."""

    UNSENT = "the server never gets it"
    UNANSWERED = "the server gets it, the client gets no reply"
    SILENCE = "the server gets it, and the client hears nothing more on a connection that stays open"


class CuttingProxy:
    """Listens on loopback. Until `arm` is called everything passes; after one cut everything passes again."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._left: int | None = None
        self._cut = Cut.UNSENT
        self._open: list[socket.socket] = []
        self._silent: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.cuts = 0
        """Connections that were cut."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def arm(self, number: int, cut: Cut) -> None:
        """Cut the connection that sends the ``number``-th message from now on, counted from 1."""
        with self._lock:
            self._left, self._cut = number, cut

    def disarm(self) -> bool:
        """Let everything pass; whether a cut was still to come."""
        with self._lock:
            pending, self._left = self._left is not None, None
            return pending

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._open:
            _shut(end)
        for thread in self._threads:
            thread.join(10)
        for end in self._open:
            end.close()

    def _spawn(self, target: "threading.Thread | object", *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._open += [client, server]
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._spawn(self._requests, client, server)
            self._spawn(self._replies, server, client)

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError, EOFError):
            _start(client, server)
            while True:
                head = _exactly(client, 5)
                message = head + _exactly(client, int.from_bytes(head[1:]) - 4)
                cut = self._counted()
                if cut is Cut.UNANSWERED:
                    _shut(client)  # first, so that no reply can slip through
                    server.sendall(message)
                if cut is Cut.SILENCE:
                    self._silent.add(client)
                    server.sendall(message)
                    while client.recv(1 << 16):
                        pass
                if cut is not None:
                    break
                server.sendall(message)
        _shut(client)
        _shut(server)

    def _replies(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                if client not in self._silent:
                    client.sendall(data)
        _shut(client)

    def _counted(self) -> Cut | None:
        with self._lock:
            if self._left is None:
                return None
            self._left -= 1
            if self._left:
                return None
            self._left = None
            self.cuts += 1
            return self._cut


def _start(client: socket.socket, server: socket.socket) -> None:
    """Pass on what comes before the first message with a type: requests for encryption, then the start itself."""
    while True:
        head = _exactly(client, 8)
        rest = _exactly(client, int.from_bytes(head[:4]) - 8)
        server.sendall(head + rest)
        if head[4:6] == b"\x00\x03":
            return


def _exactly(source: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = source.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return bytes(data)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
