# SPDX-License-Identifier: Apache-2.0
"""Each engine in turn, as an empty log and as a filled one."""

from collections.abc import Iterator

import pytest

from audit_sidecar.stores.url import create_store, open_reader, open_writer
from tests.audit_sidecar.stores.contract.engines import ENGINES, Engine
from tests.audit_sidecar.stores.contract.opened import Opened


@pytest.fixture(params=list(ENGINES.values()), ids=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    found: Engine = request.param
    return found


@pytest.fixture
def store(engine: Engine, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """An empty log, opened."""
    url = engine.new(request)
    create_store(url, "log.example.com/a")
    opened = Opened(engine, url, open_reader(url), open_writer(url))
    yield opened
    opened.writer.close()


@pytest.fixture
def filled(store: Opened) -> Opened:
    """Two streams and a stranger: three commits, ten records."""
    store.begin()
    store.finish()
    return store
