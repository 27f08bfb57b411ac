# SPDX-License-Identifier: Apache-2.0
"""Create a log in a new file. Loading never creates: an empty store after a bad restore must stop, not start over."""

import os
import time
from importlib.resources import files
from pathlib import Path

import apsw

from audit_sidecar.durable_file import sync_folder
from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.sqlite.connection import APPLICATION_ID, SCHEMA_VERSION, open_writer, transaction
from audit_sidecar.tlog.merkle import Frontier


def create_store(path: Path, origin: str) -> None:
    """Write an empty log of this origin; durable on return. StoreRefused when the file exists."""
    try:
        _create(path, origin)
    except FileExistsError as error:
        raise StoreRefused(f"{path} exists already: a store is created once, and never over another") from error
    except (OSError, apsw.Error) as error:
        raise StoreRefused(f"cannot create store {path}: {error}") from error


def _create(path: Path, origin: str) -> None:
    if os.path.lexists(path):  # a link that leads nowhere is in the way too
        raise FileExistsError(path)
    if not path.parent.is_dir():
        raise StoreRefused(f"the folder {path.parent} does not exist; make it first")
    schema = files("audit_sidecar.stores.sqlite").joinpath("schema.sql").read_text("utf-8")
    # Written under another name, so that a crash half-way leaves nothing that could be taken for a log.
    draft = path.with_name(f"{path.name}.creating")
    draft.unlink(missing_ok=True)
    connection = open_writer(draft, create=True)
    try:
        with transaction(connection):
            for statement in schema.split("\n;\n"):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO log (id, origin, created, size, frontier) VALUES (1, ?, ?, 0, ?)",
                (origin, time.time_ns(), Frontier().to_bytes()),
            )
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    finally:
        # Closing the last connection folds the write-ahead log into the file, so the rename moves everything.
        connection.close()
    draft.chmod(0o600)
    os.link(draft, path)  # unlike a rename, this refuses to replace a store made meanwhile
    draft.unlink()
    sync_folder(path.parent)
