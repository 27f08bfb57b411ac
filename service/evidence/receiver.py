# SPDX-License-Identifier: Apache-2.0
"""The sidecar's receiver as the exporter sees it: one export in, one acknowledgement out, or why not.

Three outcomes, and no fourth: an `Acknowledgement` with one position per span; `ExportDelayed`, after which the same
bytes are to be sent again; `EvidenceFatal`, after which nothing can.
"""

from contextlib import suppress
from pathlib import Path
from typing import Final

from contracts.acknowledgement import Acknowledgement, read_acknowledgement
from contracts.bearer import read_bearer
from contracts.endpoint import Endpoint
from contracts.errors import ContractError, CountersignError, SettingInvalid
from contracts.semconv import ACK_HEADER
from service.client.connection import Connection, Reply, request_head
from service.errors import ConnectionFailed, EvidenceFatal

_RETRYABLE: Final = frozenset({401, 403, 408, 429})
_MAX_REPLY: Final = 1 << 20


class ExportDelayed(CountersignError):
    """Not now: ``after`` is the number of seconds the receiver asked to wait, 0 if it did not say."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


class Receiver:
    """``token_file`` is read again whenever the receiver does not accept the token, so it can be rotated."""

    def __init__(self, endpoint: Endpoint, timeout: float, token_file: Path | None = None) -> None:
        self.endpoint = endpoint
        self._timeout = timeout
        self._token_file = token_file
        self._headers = self._read_headers()
        self._connection = Connection(endpoint, _MAX_REPLY)

    async def export(self, body: bytes, count: int) -> Acknowledgement:
        """Send an ``ExportTraceServiceRequest`` of ``count`` spans. Raises ExportDelayed or EvidenceFatal."""
        head = request_head(self.endpoint, "POST", "/v1/traces", self._headers, len(body))
        try:
            reply = await self._connection.request(head, body, self._timeout)
        except ConnectionFailed as error:
            raise ExportDelayed(str(error)) from error
        if reply.status == 200:
            return self._acknowledgement(reply.body, count)
        message = f"{self.endpoint.text} answered {reply.status}: {_reason(reply)}"
        if reply.status in (401, 403):
            # While the file is being replaced it may not be there; the old token then serves for another attempt.
            with suppress(SettingInvalid):
                self._headers = self._read_headers()
        if reply.status in _RETRYABLE or reply.status >= 500:
            raise ExportDelayed(message, _retry_after(reply))
        raise EvidenceFatal(f"evidence was refused for good: {message}")

    def close(self) -> None:
        """Drop the connection."""
        self._connection.close()

    def _acknowledgement(self, body: bytes, count: int) -> Acknowledgement:
        try:
            return read_acknowledgement(body, count)
        except ContractError as error:
            raise EvidenceFatal(f"{self.endpoint.text} gave no valid acknowledgement: {error}") from error

    def _read_headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/x-protobuf", ACK_HEADER: "1"}
        if self._token_file is not None:
            headers["Authorization"] = f"Bearer {read_bearer(self._token_file)}"
        return headers


def _retry_after(reply: Reply) -> float:
    text = reply.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdecimal() else 0.0


def _reason(reply: Reply) -> str:
    # google.rpc.Status is protobuf: what is printable of it is enough for one line.
    text = reply.body[:300].decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else " " for letter in text).strip() or "no reason given"
