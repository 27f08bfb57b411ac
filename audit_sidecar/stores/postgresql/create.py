# SPDX-License-Identifier: Apache-2.0
"""Create a log in a database. Loading never creates."""

import time
from importlib.resources import files
from typing import Final

import psycopg

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.postgresql.connection import OWNER, SCHEMA_VERSION, Connection, connect, opening, shown
from audit_sidecar.stores.postgresql.durability import require_durable
from audit_sidecar.stores.postgresql.grants import grant_roles
from audit_sidecar.stores.postgresql.months import add_months
from audit_sidecar.tlog.merkle import Frontier

KEPT: Final = "kept.sql"


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


def execute_file(connection: Connection, name: str) -> None:
    """Execute the statements of a file of this package. psycopg.Error when one is refused."""
    text = files("audit_sidecar.stores.postgresql").joinpath(name).read_bytes()
    for statement in text.split(b"\n;\n"):
        connection.execute(statement)


def _create(connection: Connection, origin: str) -> list[str]:
    if connection.execute("SELECT to_regnamespace('countersign') IS NULL").fetchall() == [(True,)]:
        connection.execute("CREATE SCHEMA countersign")
    execute_file(connection, "schema.sql")
    execute_file(connection, KEPT)
    connection.execute("INSERT INTO meta VALUES (1, %s, %s, %s)", (SCHEMA_VERSION, origin, time.time_ns()))
    connection.execute("INSERT INTO head VALUES (1, 0, %s)", (Frontier().to_bytes(),))
    connection.execute("INSERT INTO publisher VALUES (1, '', '-infinity')")
    add_months(connection, "kept")
    return grant_roles(connection, SCHEMA_VERSION)
