# SPDX-License-Identifier: Apache-2.0
"""The engines that the contract of stores is tested on; another engine is another line in `ENGINES`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from botocore.exceptions import ClientError

from audit_sidecar.stores.dynamodb.writer import DynamoWriter
from audit_sidecar.stores.sqlite.writer import SqliteWriter
from audit_sidecar.stores.store import StoreWriter
from tests.audit_sidecar.stores.dynamodb_local import DynamoDb
from tests.audit_sidecar.stores.postgresql_server import Server


class Engine(NamedTuple):
    """``new`` makes room for a store and names it; ``starved`` leaves a writer without room while a block lasts."""

    new: Callable[[pytest.FixtureRequest], str]
    starved: Callable[[pytest.FixtureRequest, str, StoreWriter], AbstractContextManager[None]]
    shared: bool
    """Whether several writers append to one store."""
    exclusive: bool = True
    """Whether a turn keeps the others out."""


def _new_file(request: pytest.FixtureRequest) -> str:
    folder: Path = request.getfixturevalue("tmp_path")
    return f"sqlite:///{folder / 'store.db'}"


@contextmanager
def _full_file(_: pytest.FixtureRequest, __: str, writer: StoreWriter) -> Iterator[None]:
    assert isinstance(writer, SqliteWriter)
    connection = writer._connection
    before = connection.pragma("max_page_count")
    connection.pragma("max_page_count", connection.pragma("page_count"))
    try:
        yield
    finally:
        connection.pragma("max_page_count", before)


def _postgresql(fixture: str) -> Engine:
    """On the server of this fixture."""

    def new(request: pytest.FixtureRequest) -> str:
        server: Server = request.getfixturevalue(fixture)
        return server.new_database()

    @contextmanager
    def full_disk(request: pytest.FixtureRequest, url: str, _: StoreWriter) -> Iterator[None]:
        # Said by a trigger with the SQLSTATE of a full disk, after the leaves were taken.
        server: Server = request.getfixturevalue(fixture)
        database = url.rpartition("/")[2]
        server.run(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left' USING ERRCODE = 'disk_full'; END $$",
            "CREATE TRIGGER full_disk AFTER INSERT ON countersign.kept EXECUTE FUNCTION full_disk()",
            database=database,
        )
        try:
            yield
        finally:
            server.run("DROP FUNCTION full_disk CASCADE", database=database)

    return Engine(new, full_disk, shared=True)


def _new_tables(request: pytest.FixtureRequest) -> str:
    server: DynamoDb = request.getfixturevalue("dynamodb")
    return server.new_store()


@contextmanager
def _throttled(request: pytest.FixtureRequest, __: str, writer: StoreWriter) -> Iterator[None]:
    # DynamoDB Local never throttles: its answer is put in place of the real one, after payloads were written.
    assert isinstance(writer, DynamoWriter)
    patch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    client = writer._requests._once
    real = client.execute_statement

    def answer(**arguments: object) -> object:
        if "-log" in str(arguments["Statement"]):
            error = {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "come again"}}
            raise ClientError({**error, "ResponseMetadata": {"HTTPStatusCode": 400}}, "ExecuteStatement")
        return real(**arguments)

    with patch.context() as patched:
        patched.setattr(client, "execute_statement", answer)
        yield


ENGINES = {
    "sqlite": Engine(_new_file, _full_file, shared=False),
    "postgresql": _postgresql("postgresql"),
    "distributed-postgresql": _postgresql("distributed_postgresql"),
    "dynamodb": Engine(_new_tables, _throttled, shared=True, exclusive=False),
}
