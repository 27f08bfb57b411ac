# SPDX-License-Identifier: Apache-2.0
"""End kept connections without breaking a request that is on its way.

A connection that nothing is asked on may be asked again at the very moment at which it is closed, and then its caller
cannot know whether the request was read. So whoever asks once more within a short while is answered, with
``connection: close``; what is still silent then is closed. Nothing here stops listening or waits for answers.
"""

import asyncio
import contextlib
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState


class Farewell:
    """Of one server; ``seconds`` is for how long silent connections are kept."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._said, self._all_gone = False, asyncio.Event()

    def http(self, http: type[HttpToolsProtocol]) -> type[HttpToolsProtocol]:
        """The protocol class ``http`` for connections that may be told."""
        farewell = self

        class Parting(http):  # type: ignore[misc, valid-type]
            """Bound to its server."""

            cycle: Any

            def on_headers_complete(self) -> None:
                super().on_headers_complete()
                if farewell._said and self.cycle is not None:
                    self.cycle.keep_alive = False

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                if not self.server_state.connections:
                    farewell._all_gone.set()

        return Parting

    async def say(self, state: ServerState) -> None:
        """Have each connection's next answer be its last; returns when all are closed or the time is over."""
        self._said = True
        for connection in list(state.connections):
            cycle: Any = getattr(connection, "cycle", None)
            if cycle is not None:
                cycle.keep_alive = False
        self._all_gone.clear()
        if state.connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._all_gone.wait(), self._seconds)
