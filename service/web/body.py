# SPDX-License-Identifier: Apache-2.0
"""Read a request body, within a bound."""

from litestar.types import Receive

from service.web.problems import RequestRefused


async def read_body(receive: Receive, declared: str | None, limit: int) -> bytes:
    """The whole body. Raises RequestRefused when it is longer than ``limit`` bytes or the caller hangs up."""
    if declared is not None and declared.isdecimal() and int(declared) > limit:
        raise _too_long(limit)
    message = await receive()
    body: bytes = message.get("body", b"")  # type: ignore[assignment]
    if message["type"] == "http.request" and not message.get("more_body") and len(body) <= limit:
        return body
    parts = [body]
    size = len(body)
    while message.get("more_body") or message["type"] != "http.request":
        if message["type"] != "http.request":
            raise RequestRefused(400, "cut-off", "the connection ended before the body was complete")
        if size > limit:
            raise _too_long(limit)
        message = await receive()
        part: bytes = message.get("body", b"")  # type: ignore[assignment]
        parts.append(part)
        size += len(part)
    if size > limit:
        raise _too_long(limit)
    return b"".join(parts)


def _too_long(limit: int) -> RequestRefused:
    # What is left of the body is not read, so the connection cannot carry another request.
    return RequestRefused(413, "body-too-long", f"a body may have {limit} bytes at most", {"Connection": "close"})
