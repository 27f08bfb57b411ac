# SPDX-License-Identifier: Apache-2.0
"""Who may come in: the caller of a request, and whether the caller holds the role that a route asks for."""

from datetime import UTC, datetime

from contracts.tokens import LOCAL, Caller, TokenTable
from service.web.problems import RequestRefused


class Door:
    """Without a token table every caller is `LOCAL`; the server then listens on loopback only."""

    def __init__(self, tokens: TokenTable | None) -> None:
        self._tokens = tokens

    def admit(self, authorization: str | None, role: str) -> Caller:
        """The caller. Raises RequestRefused: 401 for nobody, 403 for the wrong role."""
        if self._tokens is None:
            return LOCAL
        caller = self._tokens.authenticate(authorization, datetime.now(UTC))
        if caller is None:
            raise RequestRefused(
                401, "unauthenticated", "send a valid token as Authorization: Bearer …", {"WWW-Authenticate": "Bearer"}
            )
        if role not in caller.roles:
            raise RequestRefused(403, "forbidden", f"this needs a token of role {role}")
        return caller
