# SPDX-License-Identifier: Apache-2.0
"""An answer as bytes, sent in two ASGI messages with nothing computed in between."""

from collections.abc import Mapping

from litestar.types import Receive, Scope, Send

from contracts.problem import MEDIA_TYPE, Problem

_JSON = (b"content-type", b"application/json")


class Reply:
    """An ASGI application that sends one answer."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.body = body
        self.headers = [_JSON]
        if headers:
            self.headers = [
                (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
            ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        headers = [*self.headers, (b"content-length", b"%d" % len(self.body))]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def problem_reply(problem: Problem, headers: Mapping[str, str] | None = None) -> Reply:
    """A problem document with its headers."""
    return Reply(problem.status, problem.body(), {"Content-Type": MEDIA_TYPE, **problem.headers(), **(headers or {})})
