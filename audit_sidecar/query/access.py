# SPDX-License-Identifier: Apache-2.0
"""Who read the evidence is evidence too: one ``access`` record per request, durable before the first byte is shown.

When the record cannot be made durable nothing is shown: the error of the store becomes a 503 like any other.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import unquote

from litestar.exceptions import HTTPException
from litestar.handlers.base import BaseRouteHandler

from audit_sidecar.query.authorise import Connection, Gate
from contracts import semconv
from contracts.acknowledgement import Position
from contracts.otlp import AttributeValue

Record = Callable[[str, Mapping[str, AttributeValue]], Awaitable[Position]]
"""Writes one record of a kind and returns when it is durable; AuditError otherwise."""

MAX_QUERY: Final = 4096
"""Bytes of path and query string. A longer one is refused: cut off, the record would not say what was asked."""
_MAX_NAME: Final = 128


def recorded(gate: Gate, role: str, record: Record) -> Callable[[Connection, BaseRouteHandler], Awaitable[None]]:
    """A Litestar guard that admits callers of the role and writes down what each asks."""

    async def guard(connection: Connection, _: BaseRouteHandler) -> None:
        caller = gate.admit(connection, role)
        attributes = {semconv.CALLER: caller.name, semconv.ROLE: role, semconv.QUERY: _query(connection)}
        # Read only now: whoever is not admitted may not name anybody.
        asked_for = connection.headers.get(semconv.ON_BEHALF_HEADER)
        if asked_for is not None:
            attributes[semconv.ON_BEHALF_OF] = _name(asked_for)
        await record("access", attributes)

    return guard


def _query(connection: Connection) -> str:
    scope = connection.scope
    query = scope["query_string"]
    # Some servers let the query stand in the raw path too.
    target = scope["raw_path"].partition(b"?")[0] + (b"?" + query if query else b"")
    if len(target) > MAX_QUERY:
        raise HTTPException(status_code=414, detail=f"path and query are longer than {MAX_QUERY} bytes")
    return f"{scope['method']} {target.decode('ascii', 'backslashreplace')}"  # type: ignore[typeddict-item]


def _name(header: str) -> str:
    name = unquote(header)
    if not 0 < len(name) <= _MAX_NAME or not name.isprintable():
        raise HTTPException(
            status_code=400,
            detail=f"{semconv.ON_BEHALF_HEADER} is a printable name of at most {_MAX_NAME} characters",
        )
    return name
