# SPDX-License-Identifier: Apache-2.0
"""A connection on which no exchange outlives a server that fell silent: whoever waits is told, and it is closed.

A server that is paused, or whose machine is, keeps its connections open: the kernel acknowledges what it is sent, so
that no time-out of TCP runs out. Waiting here is for a sign of life rather than for the end, and a long answer over a
slow line is none the worse for it.
"""

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

Answer = TypeVar("Answer")


class Silent(psycopg.OperationalError):
    """The server said nothing and took nothing for as long as it is waited for."""


class PatientConnection(psycopg.Connection[tuple[Any, ...]]):
    """Raises Silent, and is closed, when the server gives no sign of life for ``patience`` seconds; None = forever.

    The server's own time-outs have to be shorter, so that a statement it gives up is its answer and not silence.
    """

    patience: float | None = None

    def wait(self, gen: PQGen[Answer], interval: float = 0.1, timeout: float | None = None) -> Answer:
        """Every exchange goes through here: psycopg waits for nothing but this generator."""
        del timeout  # psycopg's own is for its clean-up, which ends with the connection
        if self.patience is None:
            return super().wait(gen, interval)
        try:
            return super().wait(heard(gen, self.patience), interval)
        except Silent:
            self.close()
            raise


def heard(exchange: PQGen[Answer], patience: float) -> Generator[Any, Any, Answer]:
    """The same exchange, which raises Silent when nothing could be read or written for ``patience`` seconds.

    It relies on being resumed now and then with nothing, as psycopg does after each ``interval``.
    """
    last = time.monotonic()
    try:
        wanted = next(exchange)
        while True:
            ready = yield wanted
            now = time.monotonic()
            if ready:
                last = now
            elif now - last >= patience:
                raise Silent(f"the server has been silent for {patience:g} s")
            wanted = exchange.send(ready)
    except StopIteration as done:
        found: Answer = done.value
        return found
