# SPDX-License-Identifier: Apache-2.0
"""Who may do what: three roles without login, which people and programs are made members of.

A sidecar adds and reads, and cannot change or remove a leaf; an auditor reads; an eraser rewrites payloads alone.
"""

from collections.abc import Iterator
from typing import Any, Final, LiteralString

import psycopg

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.postgresql.connection import COMPACT, GRANTS, MOVED, Connection, shown

SIDECAR: Final = "countersign_sidecar"
AUDITOR: Final = "countersign_auditor"
ERASER: Final = "countersign_eraser"
_READ: Final = ("GRANT USAGE ON SCHEMA countersign TO {}", "GRANT SELECT ON ALL TABLES IN SCHEMA countersign TO {}")
_ROLES: Final = {
    SIDECAR: (
        *_READ,
        "GRANT INSERT ON leaf, kept, class, tally, conflict, gap, subtree, context, stream, checkpoint TO {}",
        "GRANT UPDATE (size, frontier) ON head TO {}",
        "GRANT UPDATE (next_seq, last_time, ended) ON stream TO {}",
        "GRANT UPDATE (size, root, note, time) ON checkpoint TO {}",
        "GRANT UPDATE (holder, until) ON publisher TO {}",
    ),
    AUDITOR: _READ,
    ERASER: (*_READ, "GRANT UPDATE, DELETE ON kept TO {}"),
}
# While records are written in the earlier form, and while some are kept in it.
_WRITTEN: Final = {SIDECAR: "GRANT INSERT ON payload, finding TO {}"}
_MOVING: Final = {SIDECAR: "REVOKE INSERT ON payload, finding FROM {}"}
_EITHER: Final = {ERASER: "GRANT UPDATE, DELETE ON payload, finding TO {}"}
_LEFT: Final = (
    "-- this login may not make roles; have somebody run, in that database:",
    "SET search_path = countersign;",
)
_ADDED: Final = (
    "leaf", "kept", "class", "tally", "conflict", "gap", "subtree", "context", "stream", "checkpoint",
)  # fmt: skip
_CHANGED: Final = ("head", "stream", "checkpoint", "publisher")


def grant_roles(connection: Connection, version: int) -> list[str]:
    """Grant each role its rights; roles that are missing are made. What is left to somebody who may, as a script."""
    left: list[str] = []
    for role, always in _ROLES.items():
        grants = (*always, *_earlier(role, version))
        if not _exists(connection, role) and not _make(connection, role):
            left.append(f"CREATE ROLE {role} NOLOGIN;")
            left += [f"{grant.format(role)};" for grant in grants]
            continue
        for grant in grants:
            connection.execute(grant.format(role).encode())
    return [*_LEFT, *left] if left else []


def require_grants(connection: Connection, url: str) -> Iterator[str]:
    """What is wrong, but bearable, with the rights of a sidecar's login; StoreRefused when it cannot append."""
    for table in _ADDED:
        if not _may(connection, table, "INSERT"):
            raise StoreRefused(f"{shown(url)}: this login cannot add to the table {table}; {GRANTS}")
    for table in _CHANGED:
        if not _may_update(connection, table):
            raise StoreRefused(f"{shown(url)}: this login cannot change the table {table}; {GRANTS}")
    for table in (*_ADDED, *_CHANGED, "meta"):
        if _may(connection, table, "DELETE, TRUNCATE") or (table not in _CHANGED and _may_update(connection, table)):
            yield f"this login could change the table {table}; let the sidecar be a member of {SIDECAR} and no more"
            return


def _earlier(role: str, version: int) -> list[str]:
    if version >= MOVED:
        return []
    found = _EITHER.get(role) or (_MOVING if version >= COMPACT else _WRITTEN).get(role)
    return [] if found is None else [found]


def _exists(connection: Connection, role: str) -> bool:
    return bool(connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchall())


def _make(connection: Connection, role: str) -> bool:
    try:
        with connection.transaction():
            connection.execute(f"CREATE ROLE {role} NOLOGIN".encode())
    except psycopg.errors.InsufficientPrivilege:
        return False
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        return True  # somebody else was faster
    return True


def _may(connection: Connection, table: str, rights: str) -> bool:
    """Whether the login has one of these rights."""
    return _told(connection, "SELECT has_table_privilege(%s, %s)", (table, rights))


def _may_update(connection: Connection, table: str) -> bool:
    """The table, or a column of it alone."""
    return _told(connection, "SELECT has_any_column_privilege(%s, 'UPDATE')", (table,))


def _told(connection: Connection, query: LiteralString, values: tuple[str, ...]) -> bool:
    row: tuple[Any, ...] | None = connection.execute(query, values).fetchone()
    return row is not None and bool(row[0])
