# SPDX-License-Identifier: Apache-2.0
"""What ``store status`` says of a store in PostgreSQL besides what every store says."""

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.postgresql.connection import READER, Connection, connect, opening, read_meta
from audit_sidecar.stores.postgresql.durability import require_durable

_LAST_MONTH = """
SELECT max(substr(relname, 9)) FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid
WHERE inhparent = 'kept'::regclass AND relname ~ '^kept_of_[0-9]'
"""


def store_status(url: str) -> list[tuple[str, str]]:
    """Name and value of each line."""
    with opening(url), connect(url, READER) as connection:
        version = read_meta(connection, url).version
        (leading,) = connection.execute("SELECT until > clock_timestamp() FROM publisher").fetchone() or (False,)
        (last,) = connection.execute(_LAST_MONTH).fetchone() or (None,)
        return [
            ("schema", f"version {version}"),
            ("durability", _durability(connection)),
            ("publisher", "a sidecar holds the lease" if leading else "no sidecar holds the lease"),
            ("partitions", "none" if last is None else f"up to {last.replace('_', '-')}; 'store migrate' adds more"),
            ("transport", "TLS" if connection.pgconn.ssl_in_use else "without TLS"),
        ]


def _durability(connection: Connection) -> str:
    try:
        return require_durable(connection)
    except StoreRefused as refused:
        return f"NONE: {refused}"
