# SPDX-License-Identifier: Apache-2.0
"""Who read the evidence is evidence too: one ``access`` record per request, durable before the first byte is shown.

When the record cannot be made durable nothing is shown: the error of the store becomes a 503 like any other.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote

from litestar.exceptions import HTTPException
from litestar.handlers.base import BaseRouteHandler

from audit_sidecar.query.authorise import Connection, Gate
from audit_sidecar.query.parameters import PARAMETERS
from contracts import semconv
from contracts.acknowledgement import Position
from contracts.otlp import AttributeValue

Record = Callable[[str, Mapping[str, AttributeValue]], Awaitable[Position]]
"""Writes one record of a kind and returns when it is durable; AuditError otherwise."""

MAX_QUERY: Final = 4096
"""Bytes of path and query string. A longer one is refused: cut off, the record would not say what was asked."""
_MAX_NAME: Final = 128
_LEFT_OUT: Final = "…"
_PATH_PART: Final = re.compile(r"[a-z]{0,16}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_PSEUDONYM: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_VALUE: Final = re.compile(r"[A-Za-z0-9._:+-]{1,64}", re.ASCII)


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
    """Method, path and filters, as far as they are none but ours: what somebody typed by mistake may be a name."""
    scope = connection.scope
    if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_QUERY:
        raise HTTPException(status_code=414, detail=f"path and query are longer than {MAX_QUERY} bytes")
    path = "/".join(part if _PATH_PART.fullmatch(part) else _LEFT_OUT for part in scope["path"].split("/"))
    given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    query = "&".join(_parameter(name, value) for name, value in given)
    return f"{scope['method']} {path}" + (f"?{query}" if query else "")  # type: ignore[typeddict-item]


def _parameter(name: str, value: str) -> str:
    if name not in PARAMETERS:
        return _LEFT_OUT
    wanted = _PSEUDONYM if name == "subject" else _VALUE
    return f"{name}={value if wanted.fullmatch(value) else _LEFT_OUT}"


def _name(header: str) -> str:
    name = unquote(header)
    if not 0 < len(name) <= _MAX_NAME or not name.isprintable():
        raise HTTPException(
            status_code=400,
            detail=f"{semconv.ON_BEHALF_HEADER} is a printable name of at most {_MAX_NAME} characters",
        )
    return name
