# SPDX-License-Identifier: Apache-2.0
"""Begin the log in DynamoDB, once. Where the tables are missing they are made, and what that leaves open is said."""

from typing import Final

from audit_sidecar.errors import OutcomeUnknown, StoreAway, StoreRefused
from audit_sidecar.stores.dynamodb import index_keys as keys
from audit_sidecar.stores.dynamodb.commit_item import CommitItem, write_item
from audit_sidecar.stores.dynamodb.location import Location
from audit_sidecar.stores.dynamodb.requests import ConditionFailed, Duplicate, Requests
from audit_sidecar.tlog.merkle import Frontier

TABLES: Final = {
    "log": (("log", "S"), ("n", "N")),
    "payload": (("key", "S"),),
    "state": (("pk", "S"), ("sk", "S")),
}
"""Keys of each table, as `infra_pulumi/tables.py` makes them."""


def create_store(location: Location, origin: str) -> list[str]:
    """Begin the log of this origin; lines that say what is left for a person to do. StoreRefused when there is one."""
    requests = Requests(location)
    made = [part for part, key in TABLES.items() if requests.create_table(f"{location.prefix}-{part}", key)]
    named = {"origin": {"S": origin}}
    try:
        # One that was interrupted between the two is finished by the same command.
        requests.update(
            location.state, keys.LOG, named, "attribute_not_exists(#a0) OR #a0 = :origin", origin=named["origin"]
        )
        _require_no_traces(requests)
        requests.insert(location.log, write_item(origin, _beginning()))
    except (ConditionFailed, Duplicate) as error:
        raise StoreRefused(
            f"a log exists already in dynamodb://{location.prefix}; a log is never replaced, name another prefix"
        ) from error
    except OutcomeUnknown as error:
        raise StoreAway(f"{error}; 'countersign store status' tells whether the log was begun") from error
    if not made:
        return []
    return [
        f"made the tables {', '.join(f'{location.prefix}-{part}' for part in made)}, with deletion protection;",
        "resource policies, keys and point-in-time recovery are not set: infra_pulumi does that in production",
    ]


def _require_no_traces(requests: Requests) -> None:
    # A log table that was lost, or restored empty, must not become a second log under the same name.
    if any(item["pk"] != keys.LOG["pk"] for item in requests.scan(requests.location.state)):
        raise StoreRefused(
            f"a log exists already in dynamodb://{requests.location.prefix}, or did: its state table knows of it; "
            "a log is never replaced, restore its tables or name another prefix"
        )


def _beginning() -> CommitItem:
    return CommitItem(0, 0, Frontier(), (), (), (), (), (), {})
