# SPDX-License-Identifier: Apache-2.0
"""Each engine in turn, as an empty log and as a filled one."""

from collections.abc import Iterator

import pytest

from audit_sidecar.stores.store import (
    Finding,
    Gap,
)
from audit_sidecar.stores.url import create_store, open_reader, open_writer
from tests.audit_sidecar.stores.contract.engines import ENGINES, Engine
from tests.audit_sidecar.stores.contract.opened import STREAMS, Opened, produced, span, state


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
    pseudonym, text = "0" * 31 + "1", "not hex"
    store.commit(
        produced(0, 0, "release", 10),
        produced(0, 1, time=20, finding=Finding(pseudonym, "churn", 0.25)),
        produced(0, 2, time=30, finding=Finding(text, "retain", 0.5)),
        streams=(state(0, 3, 30),),
    )
    about = produced(0, 1).leaf.trace
    store.commit(
        produced(1, 0, "release", 15),
        produced(1, 4, time=25, finding=Finding(pseudonym, "churn", 0.75)),
        produced(1, 5, "withheld", 30, about=about),
        span(7, 40),
        streams=(state(1, 6, 30),),
        gaps=(Gap(3, STREAMS[1], 1, 3),),
    )
    store.commit(
        span(7, 41, finding=Finding(conflict=True)),
        produced(0, 3, time=50, finding=Finding(pseudonym, "retain", 1.0)),
        produced(0, 4, "end", 60),
        streams=(state(0, 5, 60, ended=True),),
    )
    return store
