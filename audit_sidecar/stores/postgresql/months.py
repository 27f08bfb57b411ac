# SPDX-License-Identifier: Apache-2.0
"""Partitions by month of what erasure destroys: each month's can be detached whole."""

import time
from typing import Final, LiteralString

from audit_sidecar.stores.postgresql.connection import Connection
from audit_sidecar.stores.postgresql.rows import month_of

_AHEAD: Final = 12
_PARTITIONS: Final = """
SELECT relname FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid WHERE inhparent = %s::regclass
"""
# Rows are only added, so that nothing else makes the server note which pages all may see, and freeze them betimes.
_SETTINGS: Final = (
    "WITH (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 500000, "
    "autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 500000)"
)


def add_months(connection: Connection, table: LiteralString, since: int | None = None) -> list[str]:
    """Give each of the coming months a partition of its own; those that were made, as ``2026-11``.

    ``since`` is an earlier month to begin with. Rows that came before their month had one stay where they are.
    """
    now = month_of(time.time_ns())
    there = {row[0] for row in connection.execute(_PARTITIONS, (table,))}
    # What is there already would have to move, and so does what follows it.
    stray = {row[0] for row in connection.execute(f"SELECT DISTINCT month FROM {table}_of_other_months".encode())}  # noqa: S608
    made = []
    for month in range(min(now, now if since is None else since), now + _AHEAD + 1):
        name = f"{table}_of_{month // 12:04}_{month % 12 + 1:02}"
        if name in there or month in stray:
            continue
        statement = f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES IN ({month}) {_SETTINGS}"
        connection.execute(statement.encode())
        made.append(f"{month // 12:04}-{month % 12 + 1:02}")
    return made
