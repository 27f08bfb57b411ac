# SPDX-License-Identifier: Apache-2.0
"""Logs over HTTP on loopback: through the audit API's own routes, or as files from any web server."""

import contextlib
import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry

from audit_sidecar.query.app import Doors, build_app
from audit_sidecar.query.evidence import Evidence
from audit_sidecar.query.health import Health
from audit_sidecar.stores.url import open_reader
from contracts.address import Address, bind, bound_port
from contracts.tokens import TokenTable
from tests.audit_sidecar.query.asking import unrecorded
from tests.end_to_end.living import await_true


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # with the usual five, a reader with sixteen connections waits for lost packets


class _Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """The URL of a web server that knows nothing of logs."""
    server = _Server(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def serve_store(url: str, tokens: TokenTable | None = None) -> Iterator[str]:
    """The URL of the audit API over a store that no sidecar writes to."""
    reader = open_reader(url)
    health, doors = Health(reader, lambda: True), Doors(tokens, unrecorded)
    app = build_app(Evidence(reader), health, CollectorRegistry(), doors, "0.1.0")
    listener = bind(Address("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", http="httptools"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        await_true(lambda: server.started, "the audit API listens")
        yield f"http://127.0.0.1:{bound_port(listener)}"
    finally:
        server.should_exit = True
        thread.join()
