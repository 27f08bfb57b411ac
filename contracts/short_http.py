# SPDX-License-Identifier: Apache-2.0
"""Take ordinary requests for one target from the HTTP parser to their answer, past ASGI; the rest goes through ASGI.

Ordinary means: a POST to exactly that target, HTTP/1.1 on a connection that stays open, a short body of declared
length, and no earlier request of the connection under way. What is not, such as a chunked body or one that wants
`100-continue` first, is a request like any other. Pipelined requests behind an ordinary one wait for it, as the server
has them wait.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_CLOSE: Final = (b"connection", b"close")

RawHeaders = Iterable[tuple[bytes, bytes]]


class Answer(Protocol):
    """What a request is answered with; ``content-length`` is not among the headers."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """Names in lower case; with ``connection: close`` the connection is closed."""

    @property
    def body(self) -> bytes:
        """All of it."""


class Door(Protocol):
    """What stands at the end of the short way. A request is grown part by part, and then taken or left, once."""

    def read(self, raw: RawHeaders) -> Any:
        """What the headers say, or None when by them the request is not ordinary: `is_short` has to be asked."""

    def grow(self, request: "ShortRequest", size: int) -> None:
        """So many bytes of its body came; a reply now is the last on this connection if it says so."""

    def take(self, request: "ShortRequest") -> None:
        """The body is whole."""

    def leave(self, request: "ShortRequest") -> None:
        """Its sender has gone before that."""


def short_http(http: type[HttpToolsProtocol], target: bytes, door: Door) -> type[HttpToolsProtocol]:
    """The protocol class ``http`` with a short way to ``door``."""

    class ShortHttp(http):  # type: ignore[misc, valid-type]
        """Bound to its listener and to one program."""

        cycle: Any

        def on_headers_complete(self) -> None:
            said = door.read(self.headers) if self.url == target and _ordinary(self) else None
            if said is None:
                super().on_headers_complete()
            else:
                self.cycle = ShortRequest(self, said)

        def on_body(self, body: bytes) -> None:
            super().on_body(body)
            _grow(self, door, len(body))

        def on_message_complete(self) -> None:
            request = _growing(self.cycle)
            super().on_message_complete()
            if request is not None:
                request.join_parts()
                door.take(request)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            request = _growing(self.cycle)
            if request is not None:
                door.leave(request)
            _forget(self)

    return ShortHttp


def is_short(length: str | None, bound: int) -> bool:
    """Whether a ``content-length`` is there, is a number, and within the bound."""
    return length is not None and length.isdecimal() and int(length) <= bound


def _grow(connection: Any, door: Door, size: int) -> None:
    request = _growing(connection.cycle)
    if request is not None:
        request.keep_part()
        # Behind what it takes for much the server stops reading; here the declared length is the bound.
        connection.flow.resume_reading()
        door.grow(request, size)


def _forget(connection: Any) -> None:
    # A connection that is gone must not keep its last request, and with it a body, until the next collection.
    if isinstance(connection.cycle, ShortRequest):
        connection.cycle = None


def _growing(cycle: Any) -> "ShortRequest | None":
    """The request, if it is one of the short way of which more is to come, and nobody answered it before."""
    return cycle if isinstance(cycle, ShortRequest) and cycle.more_body and not cycle.response_complete else None


def _ordinary(connection: Any) -> bool:
    parser, earlier = connection.parser, connection.cycle
    return bool(
        (earlier is None or earlier.response_complete)
        and parser.get_method() == b"POST"
        and parser.get_http_version() == "1.1"
        and parser.should_keep_alive()
        and not parser.should_upgrade()
        and not connection.expect_100_continue
        # A sender who does not read answers must not make us keep them.
        and not connection.flow.write_paused
    )


class _Never:
    """What the server tells a waiting request; nobody waits here."""

    def set(self) -> None:
        """Nothing to do."""


_NEVER: Final = _Never()


class ShortRequest:
    """One request in the place where the server keeps the request of a connection, with the fields that it looks at."""

    __slots__ = (
        "_connection", "_parts", "body", "disconnected", "headers", "keep_alive", "more_body", "response_complete",
    )  # fmt: skip
    message_event = _NEVER
    response_started = False

    def __init__(self, connection: Any, headers: Any) -> None:
        self._connection = connection
        self.headers = headers
        self.body = b""
        self._parts: list[bytes] = []
        self.more_body = True
        self.keep_alive = True
        self.disconnected = False
        self.response_complete = False

    def keep_part(self) -> None:
        """Put away what the server added to ``body``, which would be copied with each part that comes."""
        self._parts.append(self.body)
        self.body = b""

    def join_parts(self) -> None:
        """Have all of it in ``body``, until the answer."""
        self.body = b"".join(self._parts)
        self._parts.clear()

    def reply(self, answer: Answer) -> None:
        """Send the answer in one write, unless the sender has gone."""
        connection = self._connection
        self.body = b""
        self._parts.clear()
        if self.disconnected or connection.transport.is_closing():
            return
        head, close = _head(answer.status, (*connection.server_state.default_headers, *answer.headers))
        if close or not self.keep_alive:
            self.keep_alive = False
            head += b"connection: close\r\n"
        connection.transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(answer.body), answer.body))
        self.response_complete = True
        if not self.keep_alive:
            connection.transport.close()
        connection.on_response_complete()

    def give_up(self) -> None:
        """Close the connection if there was no answer and will be none."""
        if not self.response_complete:
            self._connection.transport.abort()


@lru_cache(maxsize=256)
def _head(status: int, headers: tuple[tuple[bytes, bytes], ...]) -> tuple[bytes, bool]:
    """Status line and headers, and whether they want the connection closed."""
    lines = [b"HTTP/1.1 %d %b" % (status, HTTPStatus(status).phrase.encode())]
    lines += [b"%b: %b" % header for header in headers if header != _CLOSE]
    return b"\r\n".join([*lines, b""]), _CLOSE in headers
