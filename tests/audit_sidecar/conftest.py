# SPDX-License-Identifier: Apache-2.0
"""One log per test, and one PostgreSQL server for all tests that need one and do it no harm."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit_sidecar.producers import Log, new_log
from tests.audit_sidecar.stores.dynamodb_local import DynamoDb
from tests.audit_sidecar.stores.dynamodb_local import running as dynamodb_running
from tests.audit_sidecar.stores.postgresql_server import Server, new_server, newest_server, running


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """A fresh store that holds the sidecar's own release."""
    made = new_log(tmp_path)
    yield made
    made.writer.close()


@pytest.fixture(scope="session")
def dynamodb_local() -> Iterator[DynamoDb]:
    """A running DynamoDB Local; each test names a log of its own."""
    with dynamodb_running() as made:
        yield made


@pytest.fixture
def dynamodb(dynamodb_local: DynamoDb, monkeypatch: pytest.MonkeyPatch) -> DynamoDb:
    """The same, where botocore finds it."""
    for name, value in dynamodb_local.environment().items():
        monkeypatch.setenv(name, value)
    return dynamodb_local


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A running server of the newest PostgreSQL; each test makes a database of its own."""
    with running(newest_server()) as made:
        yield made


@pytest.fixture(scope="session")
def distributed_postgresql() -> Iterator[Server]:
    """The same of the PostgreSQL that the distribution ships."""
    with running(new_server()) as made:
        yield made
