# SPDX-License-Identifier: Apache-2.0
"""Who wants to append next: one item of the state table, in which every sidecar that waits has a numbered ticket.

A hint. Nothing that the log promises rests on it: a sidecar without a ticket, with an old one, or after somebody wrote
nonsense into the item appends as well, or is told by the insert that another was faster.
"""

from typing import NamedTuple

from audit_sidecar.stores.dynamodb.index_keys import QUEUE
from audit_sidecar.stores.dynamodb.requests import Item, Requests

_NEXT = "next"
_TICKET, _HEAD, _RECORDS = "t", "h", "r"


class Ticket(NamedTuple):
    """A place in the queue; ``head`` is the newest commit that its holder knew when it was drawn.

    ``records`` says how many it has to append, so that others know how long that may take.
    """

    number: int
    head: int
    holder: bytes
    records: int = 0


class Queue:
    """One sidecar's way to the item. Safe for several threads."""

    def __init__(self, requests: Requests, me: bytes) -> None:
        self._requests = requests
        self._me = me

    def join(self, head: int, gone: tuple[bytes, ...] = (), records: int = 0) -> list[Ticket]:
        """Draw the next number, and throw away tickets of others; all that there are then, in order. AuditError."""
        mine = self._me.hex()
        names = {"#next": _NEXT, "#t": _TICKET + mine, "#h": _HEAD + mine, "#r": _RECORDS + mine}
        expression = (
            "SET #t = if_not_exists(#next, :none) + :one, #next = if_not_exists(#next, :none) + :one, "
            "#h = :head, #r = :records"
        )
        removed = _names_of(gone)
        if removed:
            expression += f" REMOVE {', '.join(removed)}"
        values = {":none": {"N": "0"}, ":one": {"N": "1"}, ":head": {"N": str(head)}, ":records": {"N": str(records)}}
        return tickets_of(
            self._requests.change(self._requests.location.state, QUEUE, expression, names | removed, values)
        )

    def look(self) -> list[Ticket]:
        """All tickets, in order. AuditError."""
        return tickets_of(self._requests.get(self._requests.location.state, QUEUE) or {})

    def leave(self) -> None:
        """Throw away one's own ticket. AuditError."""
        removed = _names_of((self._me,))
        self._requests.change(self._requests.location.state, QUEUE, f"REMOVE {', '.join(removed)}", removed, {})


def tickets_of(item: Item) -> list[Ticket]:
    """The tickets in the item, in order; what is none is passed over."""
    found = []
    for name, value in item.items():
        if name.startswith(_TICKET):
            holder = name.removeprefix(_TICKET)
            try:
                number, head, records = (
                    int(one["N"]) for one in (value, item[_HEAD + holder], item[_RECORDS + holder])
                )
                found.append(Ticket(number, head, bytes.fromhex(holder), records))
            except (KeyError, ValueError, TypeError):
                continue
    return sorted(found)


def _names_of(holders: tuple[bytes, ...]) -> dict[str, str]:
    return {
        f"#{kind}{number}": kind + holder.hex()
        for number, holder in enumerate(holders)
        for kind in (_TICKET, _HEAD, _RECORDS)
    }
