# SPDX-License-Identifier: Apache-2.0
"""Who may ask: bearer tokens and roles at the edge of the audit API."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers.base import BaseRouteHandler

from contracts.tokens import LOCAL, Caller, TokenTable

Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], None]


class Gate:
    """Authenticates requests. Without a token table every caller is `LOCAL`: start-up allows that on loopback only."""

    def __init__(self, tokens: TokenTable | None) -> None:
        self._tokens = tokens

    def caller(self, authorization: str | None) -> Caller | None:
        """The caller of an ``Authorization`` header, or None."""
        return LOCAL if self._tokens is None else self._tokens.authenticate(authorization, datetime.now(UTC))

    def admit(self, connection: Connection, role: str) -> Caller:
        """The caller of a request: 401 without a valid token, 403 without the role."""
        caller = self.caller(connection.headers.get("authorization"))
        if caller is None:
            raise NotAuthorizedException(
                detail="a valid bearer token is needed", headers={"WWW-Authenticate": "Bearer"}
            )
        if role not in caller.roles:
            raise PermissionDeniedException(detail=f"token {caller.name!r} lacks the role {role}")
        return caller

    def requires(self, role: str) -> Guard:
        """`admit` as a Litestar guard."""

        def guard(connection: Connection, _: BaseRouteHandler) -> None:
            self.admit(connection, role)

        return guard
