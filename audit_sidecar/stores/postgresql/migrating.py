# SPDX-License-Identifier: Apache-2.0
"""Bring a log's schema from one version to the next, while sidecars go on.

Version 2 has the tables of today beside those of version 1, and is written in the earlier form: programs of both
versions run on it. With version 3 the form of today is written, and what is kept in the earlier one is moved, some
records at a time; with version 4 there is nothing left of it. Whatever interrupts this, the next run goes on from
there.
"""

from typing import Final

from audit_sidecar.stores.postgresql.connection import (
    COMPACT,
    FIRST_PROGRAM,
    MOVED,
    OLDEST_VERSION,
    OWNER,
    Connection,
    connect,
    opening,
    read_known_meta,
)
from audit_sidecar.stores.postgresql.create import KEPT, execute_file
from audit_sidecar.stores.postgresql.grants import grant_roles
from audit_sidecar.stores.postgresql.months import add_months
from audit_sidecar.stores.postgresql.moving import move_all

_AGAIN: Final = (
    "programs of version 1 run on schema version 2 as well; when each is replaced by this one, "
    "run 'countersign store migrate' again"
)

_EARLIER: Final = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"


def migrate_store(url: str) -> list[str]:
    """Bring a log's schema one step on and add partitions; what was done, line by line.

    StoreRefused when there is no log, or one of a version that is not known here.
    """
    with opening(url), connect(url, OWNER) as connection:
        version = read_known_meta(connection, url).version
        if version < OLDEST_VERSION:
            return ["schema version 2 is current", _AGAIN, *_expand(connection)]
        if version < COMPACT:
            earlier = connection.execute(_EARLIER, (FIRST_PROGRAM,)).fetchone()
            if earlier is not None and earlier[0]:
                return [
                    f"schema version 2 is current; {earlier[0]} connections of programs of version 1 are left",
                    _AGAIN,
                ]
            _switch(connection)
        if version < MOVED:
            moved = move_all(connection)
            with connection.transaction():
                left = grant_roles(connection, MOVED)
            return [f"moved {moved:,} records into the form of today", f"schema version {MOVED} is current", *left]
        with connection.transaction():
            connection.execute("DROP TABLE IF EXISTS payload, finding")
            made = add_months(connection, "kept")
            left = grant_roles(connection, version)
        done = [f"schema version {version} is current"]
        done += [f"made {len(made)} partitions for payloads, up to {made[-1]}"] if made else []
        return done + left


def _expand(connection: Connection) -> list[str]:
    with connection.transaction():
        execute_file(connection, KEPT)
        (since,) = connection.execute("SELECT min(month) FROM payload").fetchone() or (None,)
        add_months(connection, "kept", since)
        add_months(connection, "payload")
        connection.execute("UPDATE meta SET version = %s", (OLDEST_VERSION,))
        return grant_roles(connection, OLDEST_VERSION)


def _switch(connection: Connection) -> None:
    with connection.transaction():
        connection.execute("SELECT FROM head FOR UPDATE")
        connection.execute("UPDATE meta SET version = %s", (COMPACT,))
        grant_roles(connection, COMPACT)
    # Whoever waited for the head meanwhile read the version before it had changed, and comes before this.
    with connection.transaction():
        connection.execute("SELECT FROM head FOR UPDATE")
