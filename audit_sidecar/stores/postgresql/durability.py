# SPDX-License-Identifier: Apache-2.0
"""What the server's settings make of "durable". Where they make nothing of it, the store is refused."""

from typing import Final

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.postgresql.connection import Connection

_QUERY: Final = """
SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),
       current_setting('synchronous_standby_names'), pg_is_in_recovery()
"""
_STANDBY: Final = {
    "on": "a commit is on disk here and on a synchronous standby",
    "remote_apply": "a commit is on disk here and on a synchronous standby, which shows it",
    "remote_write": "a commit is on disk here and in the memory of a synchronous standby",
}


def require_durable(connection: Connection) -> str:
    """The durability class in words. StoreRefused when a commit that returned could be lost with the power."""
    row = connection.execute(_QUERY).fetchone()
    assert row is not None
    fsync, whole_pages, synchronous, standbys, recovering = row
    if recovering:
        raise StoreRefused("the server is a standby and takes no commits: name the primary, or target_session_attrs")
    settings = (("fsync", fsync), ("full_page_writes", whole_pages), ("synchronous_commit", synchronous))
    for name, value in settings:
        if value == "off":
            raise StoreRefused(
                f"the server has {name} = off, so that what was acknowledged can be lost: set {name} = on "
                "(ALTER SYSTEM, ALTER DATABASE or ALTER ROLE), then start again"
            )
    if standbys and synchronous in _STANDBY:
        return _STANDBY[synchronous]
    return "a commit is on disk at one server; no synchronous standby has it, so a failover can lose the last ones"
