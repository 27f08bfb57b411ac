# SPDX-License-Identifier: Apache-2.0
"""Create a log in a database, and keep its schema up. Loading never creates."""

import time
from importlib.resources import files
from typing import Final

import psycopg

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.postgresql.connection import (
    OWNER,
    SCHEMA_VERSION,
    Connection,
    connect,
    opening,
    read_meta,
    shown,
)
from audit_sidecar.stores.postgresql.durability import require_durable
from audit_sidecar.stores.postgresql.grants import grant_roles
from audit_sidecar.stores.postgresql.rows import month_of
from audit_sidecar.tlog.merkle import Frontier

_MONTHS_AHEAD: Final = 24
_PARTITIONS: Final = """
SELECT relname FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid WHERE inhparent = 'payload'::regclass
"""


def create_store(url: str, origin: str) -> list[str]:
    """Make an empty log of this origin; durable on return. What is left for a person to do, line by line.

    StoreRefused when the database holds one, or cannot keep it durably.
    """
    with opening(url), connect(url, OWNER) as connection:
        require_durable(connection)
        try:
            with connection.transaction():
                return _create(connection, origin)
        except (psycopg.errors.DuplicateTable, psycopg.errors.UniqueViolation) as error:
            raise StoreRefused(
                f"{shown(url)} exists already: a store is created once, and never over another"
            ) from error


def migrate_store(url: str) -> list[str]:
    """Bring a log's schema to this program's version and add partitions; what was done, line by line."""
    with opening(url), connect(url, OWNER) as connection:
        version = read_meta(connection, url).version
        with connection.transaction():
            made = add_months(connection)
            left = grant_roles(connection)
        done = [f"schema version {version} is current"]
        done += [f"made {len(made)} partitions for payloads, up to {made[-1]}"] if made else []
        return done + left


def add_months(connection: Connection) -> list[str]:
    """Give each of the coming months a partition of its own; those that were made, as ``2026-11``."""
    now = month_of(time.time_ns())
    there = {row[0] for row in connection.execute(_PARTITIONS)}
    # Rows that came before their month had a partition stay where they are, and so does what follows them.
    stray = {row[0] for row in connection.execute("SELECT DISTINCT month FROM payload_of_other_months")}
    made = []
    for month in range(now, now + _MONTHS_AHEAD + 1):
        name = f"payload_of_{month // 12:04}_{month % 12 + 1:02}"
        if name in there or month in stray:
            continue
        connection.execute(f"CREATE TABLE {name} PARTITION OF payload FOR VALUES IN ({month})".encode())
        made.append(f"{month // 12:04}-{month % 12 + 1:02}")
    return made


def _create(connection: Connection, origin: str) -> list[str]:
    if connection.execute("SELECT to_regnamespace('countersign') IS NULL").fetchall() == [(True,)]:
        connection.execute("CREATE SCHEMA countersign")
    schema = files("audit_sidecar.stores.postgresql").joinpath("schema.sql").read_bytes()
    for statement in schema.split(b"\n;\n"):
        connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES (1, %s, %s, %s)", (SCHEMA_VERSION, origin, time.time_ns()))
    connection.execute("INSERT INTO head VALUES (1, 0, %s)", (Frontier().to_bytes(),))
    connection.execute("INSERT INTO publisher VALUES (1, '', '-infinity')")
    add_months(connection)
    return grant_roles(connection)
