# SPDX-License-Identifier: Apache-2.0
"""Store URLs. Engines are imported only when a URL names them."""

from importlib.util import find_spec
from pathlib import Path

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.index import Indexer
from audit_sidecar.stores.store import StoreReader, StoreWriter

HELP = (
    "store URL: sqlite:///path (four slashes for an absolute path), postgresql://user@host/database "
    "or dynamodb://prefix?region=R"
)

_PREFIX = "sqlite:///"
_POSTGRESQL = ("postgresql://", "postgres://")
_DYNAMODB = "dynamodb://"


def is_store_url(text: str) -> bool:
    """Whether a LOG argument names a store rather than a folder or an http URL."""
    return text.startswith((_PREFIX, _DYNAMODB, *_POSTGRESQL))


def is_shared(url: str) -> bool:
    """Whether several sidecars can append to a store of this kind."""
    return url.startswith((_DYNAMODB, *_POSTGRESQL))


def shown(url: str) -> str:
    """The URL as it may be printed: without a password."""
    if not _is_postgresql(url):
        return url
    from audit_sidecar.stores.postgresql.connection import shown

    return shown(url)


def store_path(url: str) -> Path:
    """The file of a ``sqlite:///path`` URL: three slashes before a relative path, four before an absolute one."""
    if not url.startswith(_PREFIX) or len(url) == len(_PREFIX):
        # Nothing behind a scheme that is misspelt: it may hold a password.
        scheme, separator, rest = url.partition("://")
        told = f"{scheme}://…" if separator and rest else url
        raise StoreRefused(
            f"store {told!r}: want sqlite:///path/to/store.db, postgresql://user@host/database or dynamodb://prefix?region=R"
        )
    return Path(url.removeprefix(_PREFIX))


def create_store(url: str, origin: str) -> list[str]:
    """Create the log of this origin; StoreRefused when there is one. Lines that say what is left for a person to do."""
    if _is_postgresql(url):
        from audit_sidecar.stores.postgresql import create as postgresql

        return postgresql.create_store(url, origin)
    if _is_dynamodb(url):
        from audit_sidecar.stores.dynamodb import create as dynamodb
        from audit_sidecar.stores.dynamodb.location import parse_location

        return dynamodb.create_store(parse_location(url), origin)
    from audit_sidecar.stores.sqlite import create

    create.create_store(store_path(url), origin)
    return []


def migrate_store(url: str) -> list[str]:
    """Bring the store's schema to this program's version; lines that say what was done."""
    if _is_postgresql(url):
        from audit_sidecar.stores.postgresql import migrating

        return migrating.migrate_store(url)
    open_reader(url)
    return ["its schema is current"]


def store_status(url: str) -> list[tuple[str, str]]:
    """What this kind of store says of itself besides what all do: name and value."""
    if _is_postgresql(url):
        from audit_sidecar.stores.postgresql import status

        return status.store_status(url)
    if _is_dynamodb(url):
        from audit_sidecar.stores.dynamodb import status as dynamodb

        return dynamodb.store_status(url)
    return []


def open_reader(url: str) -> StoreReader:
    """Read a store, live or not."""
    if _is_postgresql(url):
        from audit_sidecar.stores.postgresql.reader import PostgresReader

        return PostgresReader(url)
    if _is_dynamodb(url):
        from audit_sidecar.stores.dynamodb.engine import open_dynamo_reader

        return open_dynamo_reader(url)
    from audit_sidecar.stores.sqlite.reader import SqliteReader

    return SqliteReader(store_path(url))


def open_writer(url: str, beside: StoreReader | None = None) -> StoreWriter:
    """Become a writer of the store: its only one, where a store has one.

    ``beside`` is this process's reader of the same store, for a kind of store where the two share what they know.
    """
    if _is_postgresql(url):
        from audit_sidecar.stores.postgresql.writer import PostgresWriter

        return PostgresWriter(url)
    if _is_dynamodb(url):
        from audit_sidecar.stores.dynamodb.engine import open_dynamo_writer

        return open_dynamo_writer(url, beside)
    from audit_sidecar.stores.sqlite.writer import SqliteWriter

    return SqliteWriter(store_path(url))


def open_indexer(url: str) -> Indexer | None:
    """What makes the store's index follow its log; None where each commit does so itself."""
    if not _is_dynamodb(url):
        return None
    from audit_sidecar.stores.dynamodb.engine import open_dynamo_indexer

    return open_dynamo_indexer(url)


def _is_postgresql(url: str) -> bool:
    if not url.startswith(_POSTGRESQL):
        return False
    if find_spec("psycopg") is None:
        raise StoreRefused("a store in PostgreSQL needs psycopg: install countersign[postgresql]")
    return True


def _is_dynamodb(url: str) -> bool:
    if not url.startswith(_DYNAMODB):
        return False
    if find_spec("botocore") is None:
        raise StoreRefused("a store in DynamoDB needs botocore: install countersign[aws]")
    return True
