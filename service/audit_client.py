# SPDX-License-Identifier: Apache-2.0
"""Read the audit API for callers of the service: their receipts, and the audit log.

Replies are passed on as they came; what they mean in HTTP is left to `service.web`. Raises ConnectionFailed.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from contracts.bearer import read_bearer
from contracts.endpoint import Endpoint
from contracts.errors import SettingInvalid
from contracts.semconv import ON_BEHALF_HEADER
from service.client.connection import Connection, Reply, request_head
from service.errors import ConnectionFailed

_TIMEOUT: Final = 10.0
_MAX_REPLY: Final = 64 << 20
_AT_ONCE: Final = 8


class AuditClient:
    """A few keep-alive connections; requests beyond them wait for one."""

    def __init__(self, endpoint: Endpoint, token_file: Path | None = None) -> None:
        self._endpoint = endpoint
        self._token_file = token_file
        if token_file is not None:
            read_bearer(token_file)
        self._idle: list[Connection] = []
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def receipt(self, request_id: str, caller: str, open_payload: bool) -> Reply:
        """The receipt of one record of ``caller``."""
        query = {"caller": caller} if open_payload else {"caller": caller, "open": "no"}
        return await self._send("GET", f"/api/records/{quote(request_id, safe='')}/receipt?{urlencode(query)}", b"")

    async def receipts(self, request_ids: list[str], caller: str) -> Reply:
        """The receipts of several records of ``caller``."""
        body = msgspec.json.encode({"request_ids": request_ids, "caller": caller})
        return await self._send("POST", "/api/receipts", body)

    async def records(self, query: Mapping[str, str], caller: str) -> Reply:
        """Entries of the log that match; the log records that ``caller`` read them."""
        named = {ON_BEHALF_HEADER: quote(caller, safe="")}
        return await self._send("GET", f"/api/records?{urlencode(query)}", b"", named)

    def close(self) -> None:
        """Drop the connections."""
        while self._idle:
            self._idle.pop().close()

    async def _send(self, method: str, target: str, body: bytes, more: Mapping[str, str] | None = None) -> Reply:
        headers = {"Accept": "application/json", **(more or {})}
        if body:
            headers["Content-Type"] = "application/json"
        if self._token_file is not None:
            headers["Authorization"] = f"Bearer {_current(self._token_file)}"
        async with self._slots:
            connection = self._idle.pop() if self._idle else Connection(self._endpoint, _MAX_REPLY)
            head = request_head(self._endpoint, method, target, headers, len(body))
            reply = await connection.request(head, body, _TIMEOUT)
            self._idle.append(connection)
            return reply


def _current(token_file: Path) -> str:
    # Read each time, so that the token can be rotated; a file that has gone meanwhile is no fault of the caller.
    try:
        return read_bearer(token_file)
    except SettingInvalid as error:
        raise ConnectionFailed(str(error)) from error
