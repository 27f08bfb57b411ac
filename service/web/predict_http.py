# SPDX-License-Identifier: Apache-2.0
"""HTTP of the main port: an ordinary `POST /predict` goes from the parser to its answer, everything else through ASGI.

Ordinary means: exactly that target, HTTP/1.1 on a connection that stays open, a short body of declared length, and no
earlier request of the connection under way. What is not, such as a chunked body or a `Expect: 100-continue`, is a
request like any other. Pipelined requests behind an ordinary one wait for it, as the server has them wait.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.web.headers import read_headers
from service.web.predict import SINGLE
from service.web.reply import Reply
from service.web.turns import Turns

_TARGET: Final = SINGLE.encode()
_LONGEST_BODY: Final = 16 << 10
_OK: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


def predict_http(http: type[HttpToolsProtocol], turns: Turns, max_body: int) -> type[HttpToolsProtocol]:
    """The protocol class ``http`` with a short way to ``turns``."""

    class PredictHttp(http):  # type: ignore[misc, valid-type]
        """Bound to its listener and to one service."""

        def on_headers_complete(self) -> None:
            cycle: Any = self.cycle  # None before the first request
            if self.url == _TARGET and (cycle is None or cycle.response_complete) and _ordinary(self):
                headers = read_headers(self.headers)
                length = headers.get(b"content-length", "")
                if length.isdecimal() and int(length) <= min(_LONGEST_BODY, max_body):
                    self.cycle: Any = _Cycle(self, headers)
                    return
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            super().on_message_complete()
            cycle: Any = self.cycle
            if isinstance(cycle, _Cycle) and not cycle.response_complete and not cycle.disconnected:
                turns.take(cycle)

    return PredictHttp


def _ordinary(connection: Any) -> bool:
    parser = connection.parser
    return bool(
        parser.get_method() == b"POST"
        and parser.get_http_version() == "1.1"
        and parser.should_keep_alive()
        and not parser.should_upgrade()
        and not connection.expect_100_continue
        # A caller who does not read answers must not make us keep them.
        and not connection.flow.write_paused
    )


class _Never:
    """What the server tells a waiting request; nobody waits here."""

    def set(self) -> None:
        """Nothing to do."""


_NEVER: Final = _Never()


class _Cycle:
    """One request in the place where the server keeps the request of a connection, with the fields that it looks at."""

    __slots__ = (
        "_connection", "body", "disconnected", "headers", "keep_alive", "more_body", "response_complete",
    )  # fmt: skip
    message_event = _NEVER
    response_started = False

    def __init__(self, connection: Any, headers: Mapping[bytes, str]) -> None:
        self._connection = connection
        self.headers = headers
        self.body = b""
        self.more_body = True
        self.keep_alive = True
        self.disconnected = False
        self.response_complete = False

    def reply(self, reply: Reply) -> None:
        """Send the answer in one write, unless the caller has gone."""
        connection = self._connection
        if self.disconnected or connection.transport.is_closing():
            return
        if reply.status == HTTPStatus.OK and self.keep_alive:
            connection.transport.write(_OK % len(reply.body) + reply.body)
        else:
            connection.transport.write(self._head(reply) + reply.body)
        self.response_complete = True
        if not self.keep_alive:
            connection.transport.close()
        connection.on_response_complete()

    def _head(self, reply: Reply) -> bytes:
        lines = [b"HTTP/1.1 %d %b" % (reply.status, HTTPStatus(reply.status).phrase.encode())]
        lines += [b"%b: %b" % header for header in reply.headers]
        lines.append(b"content-length: %d" % len(reply.body))
        self.keep_alive = self.keep_alive and (b"connection", b"close") not in reply.headers
        if not self.keep_alive and (b"connection", b"close") not in reply.headers:
            lines.append(b"connection: close")
        return b"\r\n".join([*lines, b"", b""])
