# SPDX-License-Identifier: Apache-2.0
"""What a store in DynamoDB says of itself: what is durable, its tables, and how far its index has come."""

from audit_sidecar.stores.dynamodb.commits import Commits
from audit_sidecar.stores.dynamodb.location import parse_location
from audit_sidecar.stores.dynamodb.requests import Requests
from audit_sidecar.stores.dynamodb.segments import covered


def store_status(url: str) -> list[tuple[str, str]]:
    """Name and value. Sizes of tables are the service's own, which it counts anew every six hours or so."""
    requests = Requests(parse_location(url))
    commits = Commits(requests)
    head = commits.follow()
    indexed = covered(requests).n
    behind = head.size - (commits.numbered(indexed).size if indexed <= head.n else head.size)
    lines = [
        ("durability", "every acknowledged write is on several machines of the region"),
        ("commits", str(head.n)),
        ("index", f"covers commit {indexed}, {behind} leaves behind"),
    ]
    for table in (requests.location.log, requests.location.payload, requests.location.state):
        found = requests.describe(table)
        kept = "protected" if found.get("DeletionProtectionEnabled") else "NOT protected from deletion"
        size = f"{found.get('ItemCount', 0)} items, {found.get('TableSizeBytes', 0)} bytes"
        lines.append(("table", f"{table}: {found.get('TableStatus', 'UNKNOWN')}, {size}, {kept}"))
    return lines
