# SPDX-License-Identifier: Apache-2.0
"""One PostgreSQL server for all tests of stores that need one and do it no harm."""

from collections.abc import Iterator

import pytest

from tests.audit_sidecar.stores.postgresql_server import Server, new_server, remove


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A running server; each test makes a database of its own."""
    server = new_server()
    server.start()
    yield server
    remove(server)
