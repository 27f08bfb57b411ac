# SPDX-License-Identifier: Apache-2.0
"""A proxy in front of PostgreSQL, through which clients go where a test says so."""

from collections.abc import Iterator

import pytest

from tests.audit_sidecar.stores.postgresql.cutting_proxy import CuttingProxy
from tests.audit_sidecar.stores.postgresql_server import Server


@pytest.fixture
def proxy(postgresql: Server) -> Iterator[CuttingProxy]:
    """In front of the running server."""
    with CuttingProxy(postgresql.port) as running:
        yield running
