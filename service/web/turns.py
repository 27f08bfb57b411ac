# SPDX-License-Identifier: Apache-2.0
"""Answer single predictions that came in one turn of the event loop together, without a task for each.

They share one run of the model, and each step finds its code in the processor's caches, where the request before left
it. None waits for another: what has come is taken up in the very next turn.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Final, Protocol

from contracts.identifiers import uuid_text
from service.metrics import ServiceMetrics
from service.prediction.predictor import Asked, Predictor
from service.web.predict import SINGLE, Arrival, PredictRoutes
from service.web.problems import problem_of
from service.web.reply import Reply

_MOST: Final = 64
"""Requests of one turn: about two milliseconds."""
_ANSWERED: Final = (SINGLE, "POST", "200")


class Arrived(Protocol):
    """A `POST /predict` that is whole."""

    @property
    def headers(self) -> Mapping[bytes, str]:
        """The headers that `service.web.headers` wants."""

    @property
    def body(self) -> bytes:
        """All of it."""

    def reply(self, reply: Reply) -> None:
        """Send the answer; a caller who has gone is no error."""


class Turns:
    """Counts what it answers, as `service.web.observed` does for everything else."""

    def __init__(self, routes: PredictRoutes, predictor: Predictor, metrics: ServiceMetrics) -> None:
        self._routes = routes
        self._predictor = predictor
        self._metrics = metrics
        self._waiting: list[_Underway] = []

    def take(self, arrived: Arrived) -> None:
        """Answer it, not before this returns."""
        self._metrics.inflight += 1
        self._waiting.append(_Underway(arrived, self._routes, self._metrics))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        underway, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._turn)
        self._predictor.answer_all([asked for one in underway if (asked := one.asked()) is not None])


class _Underway:
    """One request between arrival and answer."""

    __slots__ = ("_arrival", "_arrived", "_caller", "_metrics", "_routes", "_since")

    def __init__(self, arrived: Arrived, routes: PredictRoutes, metrics: ServiceMetrics) -> None:
        self._since = time.perf_counter()
        self._arrival: Arrival = routes.arrival()
        self._arrived = arrived
        self._routes = routes
        self._metrics = metrics
        self._caller: str | None = None

    def asked(self) -> Asked | None:
        """What the predictor is asked, or None when the request was refused, and told so."""
        routes, headers = self._routes, self._arrived.headers
        try:
            self._caller = routes.enter(headers)
            return Asked(routes.ask(self._arrival, self._caller, headers), self._arrived.body, self.done)
        except Exception as error:
            self.done(error)
            return None

    def done(self, answer: bytes | Exception) -> None:
        """Send the answer, or why there is none, and count it."""
        request_id, span_id, _ = self._arrival
        metrics = self._metrics
        metrics.inflight -= 1
        if isinstance(answer, bytes):
            self._arrived.reply(self._routes.reply(answer))
            metrics.requested(_ANSWERED, time.perf_counter() - self._since, (request_id, span_id))
            return
        problem = problem_of(answer, uuid_text(request_id))
        reply = self._routes.refuse(answer, problem, request_id, SINGLE, self._caller)
        self._arrived.reply(reply)
        metrics.requested((SINGLE, "POST", str(reply.status)), time.perf_counter() - self._since, None)
