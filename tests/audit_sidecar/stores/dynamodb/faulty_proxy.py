# SPDX-License-Identifier: Apache-2.0
"""Stands between a client and DynamoDB, and spoils the request whose number it was told.

What the service itself would answer when it throttles or fails is answered in its words, for DynamoDB Local never does.
A request may also be held back, and reach the service after its sender has given it up and gone on.
"""

import json
import socketserver
import threading
from contextlib import suppress
from enum import Enum
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple, Self
from urllib.parse import urlsplit


class Fault(Enum):
    """What happens to the request."""

    UNSENT = "the service never gets it"
    UNANSWERED = "the service gets it, the client gets no reply"
    THROTTLED = "the service does not do it now"
    FAILED_UNDONE = "the service says that it failed, and it did"
    FAILED_DONE = "the service says that it failed, and it did not"
    LATE = "the service gets it after the next request"


class Request(NamedTuple):
    """One call of the service's API."""

    operation: str
    body: bytes
    headers: dict[str, str]

    @property
    def tables(self) -> list[str]:
        """The tables that it names."""
        said = json.loads(self.body)
        statements = [one["Statement"] for one in said.get("Statements", [said] if "Statement" in said else [])]
        named = [statement.split('"')[1] for statement in statements]
        return sorted({*named, *said.get("RequestItems", ()), *([said["TableName"]] if "TableName" in said else [])})


_THROTTLED = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
_FAILED = "com.amazonaws.dynamodb.v20120810#InternalServerError"


class FaultyProxy:
    """Listens on loopback. Until `arm` is called everything passes; after one fault everything passes again."""

    def __init__(self, endpoint: str) -> None:
        self._target = str(urlsplit(endpoint).netloc)
        self._lock = threading.Lock()
        self._left: int | None = None
        self._only: str | None = None
        self._fault = Fault.UNSENT
        self._held: list[Request] = []
        self.requests: list[Request] = []
        """Everything that came, spoilt or not."""
        self.faults = 0
        self.always: Fault | None = None
        """What happens to every request, for as long as this is set."""
        self._server = _server_of(self)

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def arm(self, number: int, fault: Fault, only: str | None = None) -> None:
        """Spoil the ``number``-th request from now on, counted from 1, of this operation if one is named."""
        with self._lock:
            self._left, self._fault, self._only = number, fault, only

    def disarm(self) -> bool:
        """Let everything pass; whether a fault was still to come."""
        with self._lock:
            pending, self._left = self._left is not None, None
        self.deliver()
        return pending

    def deliver(self) -> None:
        """Let the service have what was held back."""
        with self._lock:
            held, self._held = self._held, []
        for request in held:
            self._pass(request)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: Request) -> tuple[int, bytes] | None:
        """Status and body; None = hang up."""
        fault = self._counted(request)
        if fault in (Fault.UNSENT, Fault.LATE):
            if fault is Fault.LATE:
                with self._lock:
                    self._held.append(request)
            return None
        if fault is Fault.THROTTLED:
            return 400, json.dumps({"__type": _THROTTLED, "message": "come again"}).encode()
        answered = None if fault is Fault.FAILED_UNDONE else self._pass(request)
        if fault in (Fault.FAILED_UNDONE, Fault.FAILED_DONE):
            return 500, json.dumps({"__type": _FAILED, "message": "internal"}).encode()
        return None if fault is Fault.UNANSWERED else answered

    def _pass(self, request: Request) -> tuple[int, bytes]:
        connection = HTTPConnection(self._target, timeout=30)
        try:
            connection.request("POST", "/", request.body, request.headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _counted(self, request: Request) -> Fault | None:
        with self._lock:
            if self.always is not None:
                self.faults += 1
                return self.always
            self.requests.append(request)
            if self._left is None or (self._only is not None and request.operation != self._only):
                return None
            self._left -= 1
            if self._left:
                return None
            self._left = None
            self.faults += 1
            return self._fault


def _server_of(proxy: FaultyProxy) -> socketserver.ThreadingTCPServer:
    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            """One request; the connection stays, unless it is spoilt."""
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "expect")}
            operation = self.headers.get("X-Amz-Target", ".").partition(".")[2]
            answered = proxy.answer(Request(operation, body, kept))
            if answered is None:
                self.close_connection = True
                return
            self.send_response(answered[0])
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(answered[1])))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(answered[1])

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that is gone is no news."""

    return Server(("127.0.0.1", 0), Door)
