# SPDX-License-Identifier: Apache-2.0
"""A log over HTTP on loopback, through the audit API's own routes."""

import contextlib
import threading
from collections.abc import Iterator

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
