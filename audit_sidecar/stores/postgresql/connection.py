# SPDX-License-Identifier: Apache-2.0
"""Connections to PostgreSQL: how long anything may take, which schema is meant, and libpq's errors in our words.

TLS, hosts and passwords are libpq's own business: whatever its URL, its environment or its password file says, holds.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict

from audit_sidecar.errors import Fatal, Pushback, StoreAway, StoreRefused
from audit_sidecar.stores.postgresql.deadline import PatientConnection

Connection = psycopg.Connection[tuple[Any, ...]]

SCHEMA_VERSION: Final = 4
OLDEST_VERSION: Final = 2
"""Of the schema that this program runs on, while programs of version 1 are being replaced."""
COMPACT: Final = 3
"""From this version on records are written in the form of today."""
MOVED: Final = 4
"""From this version on all of them are kept in it, and every full part of the log has its tally."""


class Use(NamedTuple):
    """What a connection is for: settings of its session, and for how many seconds a silent server is waited for."""

    settings: LiteralString
    patience: float | None


# A sidecar that falls asleep in its turn holds up all others; the server ends such a session.
WRITER: Final = Use(
    "SET search_path = countersign; SET lock_timeout = '2s'; SET statement_timeout = 0; "
    "SET idle_in_transaction_session_timeout = '4s'",
    3.0,
)
# Whatever is asked is to be found by an index; a planner without statistics would rather walk a table from end to end.
# Compiling, or starting workers, takes longer than any statement does here.
READER: Final = Use(
    "SET search_path = countersign; SET default_transaction_read_only = on; SET statement_timeout = '1s'; "
    "SET enable_seqscan = off; SET jit = off; SET max_parallel_workers_per_gather = 0",
    2.0,
)
# A person waits, who can interrupt it, and some changes of a schema take their time.
OWNER: Final = Use("SET search_path = countersign; SET lock_timeout = '5s'", None)

FIRST_PROGRAM: Final = "countersign"
"""What programs of version 1 call themselves to the server."""
_DEFAULTS: Final = {
    "application_name": f"countersign {SCHEMA_VERSION}", "connect_timeout": 3, "keepalives_idle": 5,
    "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000,
}  # fmt: skip

_PORTS: Final = re.compile(r"[0-9,]*")

GRANTS: Final = "grant the login its role, as 'countersign store init' says"

_SHUT_OUT: Final = """
SELECT NOT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = 'countersign'
"""

_PASSING: Final = ("08", "25", "40", "42501", "53", "55", "57", "58")
"""Beginnings of SQLSTATEs after which the transaction is rolled back and may succeed another time."""


class Meta(NamedTuple):
    """What a store says it is."""

    version: int
    origin: str


def connect(url: str, use: Use) -> Connection:
    """A connection that commits each statement by itself. psycopg.Error when there is none to be had."""
    given = conninfo_to_dict(url)
    rest = {name: value for name, value in _DEFAULTS.items() if name not in given}
    if "," in str(given.get("host", "")):
        # A standby that was asked while the primary began would go on being asked, and is behind.
        rest |= {"target_session_attrs": given.get("target_session_attrs", "primary")}
    connection = PatientConnection.connect(url, autocommit=True, **rest)  # type: ignore[arg-type]
    connection.patience = use.patience
    try:
        connection.execute(use.settings)
    except psycopg.Error:
        connection.close()
        raise
    return connection


def read_meta(connection: Connection, url: str) -> Meta:
    """The store's version and origin; StoreRefused without a log, or with one that this program does not run on."""
    meta = read_known_meta(connection, url)
    if meta.version < OLDEST_VERSION:
        raise StoreRefused(
            f"{shown(url)} has schema version {meta.version}, this program needs {OLDEST_VERSION}; "
            "run 'countersign store migrate' as its owner"
        )
    return meta


def read_known_meta(connection: Connection, url: str) -> Meta:
    """The store's version and origin; StoreRefused without a log, or with one of a version not known here."""
    try:
        rows = connection.execute("SELECT version, origin FROM meta").fetchall()
    except psycopg.errors.UndefinedTable as error:
        # Where a login may not look into the schema, its tables are said not to exist.
        if connection.execute(_SHUT_OUT).fetchall() == [(True,)]:
            raise StoreRefused(f"{shown(url)}: this login may not read the log; {GRANTS}") from error
        raise StoreRefused(f"{shown(url)} holds no log; 'countersign store init' creates one") from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise StoreRefused(f"{shown(url)}: {said(error)}; {GRANTS}") from error
    if len(rows) != 1:
        raise StoreRefused(f"{shown(url)} lacks the row that says which log it is; restore it from a copy")
    meta = Meta(*rows[0])
    # One version ahead is what stands there while programs are being replaced, and stays readable and writable.
    if meta.version > SCHEMA_VERSION + 1:
        raise StoreRefused(
            f"{shown(url)} has schema version {meta.version}, this program knows {SCHEMA_VERSION} and works with the "
            "next; install a newer one"
        )
    return meta


@contextmanager
def opening(url: str) -> Iterator[None]:
    """For a program that starts: whatever stands in the way is StoreRefused."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise StoreRefused(f"{shown(url)}: {said(error)}; {GRANTS}") from error
    except psycopg.Error as error:
        raise StoreRefused(f"cannot open store {shown(url)}: {said(error)}; is the URL right, and the server up?"
                           ) from error  # fmt: skip


def translate(error: psycopg.Error, lost: bool) -> Pushback | Fatal:
    """What an error before COMMIT means. ``lost`` = the connection is gone, and the transaction with it."""
    state = error.sqlstate or ""
    if lost:
        return StoreAway(f"the connection to the store was lost: {said(error)}")
    if state.startswith(_PASSING):
        return Pushback(f"the store cannot take the commit now: {said(error)}")
    return Fatal(f"the store refused a commit that was planned for it: {type(error).__name__}: {said(error)}")


def is_lost(connection: Connection) -> bool:
    """Whether nothing more can be asked on it."""
    return connection.closed or connection.broken


def said(error: psycopg.Error) -> str:
    """The server's message in one line; details are left out, for they may quote a row."""
    return (error.diag.message_primary or str(error)).strip().replace("\n", " ") or type(error).__name__


def shown(url: str) -> str:
    """The URL as it may be shown: user, host and database, no password and no option.

    StoreRefused for one that cannot be read, of which nothing is shown: any part of it may be of a password.
    """
    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except psycopg.Error as error:
        raise _unreadable(re.sub(r':? *"[^"]*"', "", said(error))) from None
    host, port, database = (parts.get(name, "") for name in ("host", "port", "dbname"))
    # What follows a sign in a password is taken for a host, a port or a database.
    if "@" in host or not _PORTS.fullmatch(port) or {"@", "/"} <= {*database}:
        raise _unreadable("its host, port or database is none")
    user = f"{parts['user']}@" if "user" in parts else ""
    return f"postgresql://{user}{host}{':' if port else ''}{port}/{database}"


def _unreadable(why: str) -> StoreRefused:
    return StoreRefused(
        f"the store's URL cannot be read: {why}; want postgresql://user@host/database, and in a password %40 for @, "
        "%2F for /, %25 for %"
    )
