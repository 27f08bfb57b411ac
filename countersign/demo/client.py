# SPDX-License-Identifier: Apache-2.0
"""An API consumer: asks for predictions over one connection."""

import http.client
import json
from typing import Any, NamedTuple

from countersign.stack import HOST


class Reply(NamedTuple):
    """Status, body and, where the service says when to come again, seconds."""

    status: int
    body: Any
    retry_after: str | None


class Client:
    """Sends JSON to one service."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=30)

    def post(self, path: str, document: Any) -> Reply:
        """POST a document."""
        return self._ask("POST", path, json.dumps(document))

    def get(self, path: str) -> Reply:
        """GET a document."""
        return self._ask("GET", path, None)

    def _ask(self, method: str, path: str, body: str | None) -> Reply:
        self._connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        return Reply(answer.status, json.loads(answer.read()), answer.headers.get("Retry-After"))
