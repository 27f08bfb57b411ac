# SPDX-License-Identifier: Apache-2.0
"""A sidecar as the read side sees it: one export in, one acknowledgement out, or why not, in bounded time.

Three outcomes: an acknowledgement with a position per span; Pushback, after which the same bytes are to be sent again;
Fatal, after which nothing can. Each export has a connection of its own: there are few, and none is ever stale.
"""

import asyncio
from pathlib import Path
from typing import Final

import httptools

from audit_sidecar.errors import Fatal, Pushback
from contracts.acknowledgement import Acknowledgement, read_acknowledgement
from contracts.bearer import read_bearer
from contracts.endpoint import Endpoint
from contracts.errors import ContractError, SettingInvalid
from contracts.semconv import ACK_HEADER

_RETRYABLE: Final = frozenset({401, 403, 408, 429})
_MAX_REPLY: Final = 1 << 20


class Receiver:
    """``token_file`` is read for each export, so that it can be replaced at any time."""

    def __init__(self, endpoint: Endpoint, timeout: float, token_file: Path | None = None) -> None:
        self.endpoint = endpoint
        self._timeout = timeout
        self._token_file = token_file
        self._head(0)  # a token file that cannot be read is told at the start

    async def export(self, body: bytes, count: int) -> Acknowledgement:
        """Send an ``ExportTraceServiceRequest`` of ``count`` spans. Raises Pushback or Fatal."""
        try:
            head = self._head(len(body))
            async with asyncio.timeout(self._timeout):
                status, answer = await self._exchange(head + body)
        except TimeoutError as error:
            raise Pushback(f"{self.endpoint.text}: no answer within {self._timeout:g} s") from error
        except (OSError, SettingInvalid) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise Pushback(f"{self.endpoint.text}: {reason}") from error
        except httptools.HttpParserError as error:
            raise Pushback(f"{self.endpoint.text}: the answer is not HTTP: {error}") from error
        if status == 200:
            return self._acknowledgement(answer, count)
        message = f"{self.endpoint.text} answered {status}: {_printable(answer)}"
        if status in _RETRYABLE or status >= 500:
            raise Pushback(message)
        raise Fatal(f"access records were refused for good: {message}")

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        host, port, path = self.endpoint.address
        if path is not None:
            reader, writer = await asyncio.open_unix_connection(path)
        else:
            reader, writer = await asyncio.open_connection(host, port, ssl=self.endpoint.tls)
        try:
            writer.write(request)
            await writer.drain()
            return await _read_reply(reader)
        finally:
            # At once: what was not answered is sent again on a connection of its own.
            writer.transport.abort()

    def _head(self, length: int) -> bytes:
        lines = [
            "POST /v1/traces HTTP/1.1",
            f"Host: {self.endpoint.authority}",
            f"Content-Length: {length}",
            "Content-Type: application/x-protobuf",
            "Connection: close",
            f"{ACK_HEADER}: 1",
        ]
        if self._token_file is not None:
            lines.append(f"Authorization: Bearer {read_bearer(self._token_file)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _acknowledgement(self, answer: bytes, count: int) -> Acknowledgement:
        try:
            return read_acknowledgement(answer, count)
        except ContractError as error:
            raise Fatal(f"{self.endpoint.text} gave no valid acknowledgement: {error}") from error


class _Reply:
    """Collects what the parser finds."""

    def __init__(self) -> None:
        self.body: list[bytes] = []
        self.size = 0
        self.whole = False
        self.parser = httptools.HttpResponseParser(self)

    def on_body(self, data: bytes) -> None:
        self.body.append(data)
        self.size += len(data)

    def on_message_complete(self) -> None:
        # 100 Continue and the like are not the answer.
        self.whole = self.parser.get_status_code() >= 200


async def _read_reply(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    reply = _Reply()
    while not reply.whole:
        data = await reader.read(65_536)
        if not data:
            raise OSError("the connection broke before the answer was whole")
        reply.parser.feed_data(data)
        if reply.size > _MAX_REPLY:
            raise OSError(f"the answer is longer than {_MAX_REPLY} bytes")
    return reply.parser.get_status_code(), b"".join(reply.body)


def _printable(body: bytes) -> str:
    # google.rpc.Status is protobuf: what is printable of it is enough for one line.
    text = body[:300].decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else " " for letter in text).strip() or "no reason given"
