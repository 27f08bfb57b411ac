# SPDX-License-Identifier: Apache-2.0
"""`POST /predict` and `POST /predict/batch`: from ASGI to the predictor and back, with a record of what was refused.

A `reject` or `error` record names route, status, problem and field, never the input; it is written only for callers
who are known, and nobody waits for it.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

from litestar.types import Receive, Scope

from contracts import semconv
from contracts.identifiers import IdSource, uuid_text
from contracts.otlp import AttributeValue
from contracts.problem import Problem
from service.errors import AnswerWithheld
from service.evidence.exporter import Exporter
from service.metrics import ServiceMetrics
from service.prediction.making import Ask
from service.prediction.predictor import Predictor
from service.prediction.rejection import RequestRejected
from service.prediction.trace_context import read_link
from service.review import Review
from service.telemetry.exchange import exchange_of
from service.web.body import read_body
from service.web.door import Door
from service.web.headers import client_request_id, read_headers, require_json
from service.web.observed import leave_exemplar
from service.web.problems import RequestRefused, error_type, problem_of
from service.web.reply import Reply, problem_reply

_LOG = logging.getLogger("countersign.service")
_ROLE: Final = "consumer"
SINGLE: Final = "/predict"
BATCH: Final = "/predict/batch"


class Arrival(NamedTuple):
    """Ids of a request, and when it came in unix nanoseconds: its fields stand in `Ask` in the same order."""

    request_id: bytes
    span_id: bytes
    start: int


Answering = Callable[[Ask, bytes], Awaitable[bytes]]
Waited = Callable[[float], None]


class PredictRoutes:
    """Answers both routes; never raises for what a caller sent."""

    def __init__(
        self,
        predictor: Predictor,
        exporter: Exporter,
        review: Review,
        door: Door,
        metrics: ServiceMetrics,
        max_body: int,
    ) -> None:
        self._predictor = predictor
        self._exporter = exporter
        self._review = review
        self._door = door
        self._metrics = metrics
        self._max_body = max_body
        self._ids = IdSource()

    async def single(self, scope: Scope, receive: Receive) -> Reply:
        """`POST /predict`."""
        return await self._answer(scope, receive, SINGLE, self._predictor.answer)

    async def batch(self, scope: Scope, receive: Receive) -> Reply:
        """`POST /predict/batch`."""
        return await self._answer(scope, receive, BATCH, self._predictor.answer_batch)

    async def _answer(self, scope: Scope, receive: Receive, route: str, answering: Answering) -> Reply:
        arrival = self.arrival()
        exchange = exchange_of(scope)
        if exchange is not None:
            exchange.request_id = arrival.request_id
        caller: str | None = None
        try:
            headers = read_headers(scope["headers"])
            caller = self.enter(headers)
            body = await read_body(receive, headers.get(b"content-length"), self._max_body)
            ask = self.ask(arrival, caller, headers, None if exchange is None else exchange.waited)
            answer = self.reply(await answering(ask, body))
        except Exception as error:
            problem = problem_of(error, uuid_text(arrival.request_id))
            if exchange is not None:
                exchange.error_type = error_type(error, problem)
            return self.refuse(error, problem, arrival.request_id, route, caller)
        leave_exemplar(scope, arrival.request_id, arrival.span_id)
        return answer

    # The steps of an answer, in their order

    def arrival(self) -> Arrival:
        """Ids and time of a request that comes in now."""
        return Arrival(self._ids.request_id(), self._ids.span_id(), time.time_ns())

    def enter(self, headers: Mapping[bytes, str]) -> str:
        """The caller's name, before the body is looked at. Raises RequestRefused."""
        caller = self._door.admit(headers.get(b"authorization"), _ROLE).name
        require_json(headers)
        return caller

    def ask(self, arrival: Arrival, caller: str, headers: Mapping[bytes, str], waited: Waited | None = None) -> Ask:
        """What the predictor needs to know. Raises AnswerWithheld or RequestRejected."""
        # Before anything is found wrong with the request: a reject leaves a record too, and what waits is bounded.
        self._predictor.admit()
        return Ask(
            caller,
            *arrival,
            client_request_id(headers.get(b"x-request-id")),
            read_link(headers.get(b"traceparent"), headers.get(b"tracestate")),
            waited,
        )

    def reply(self, answer: bytes) -> Reply:
        """An answer, with the warning that the state of the card asks for."""
        return Reply(200, answer, self._review.headers)

    def refuse(self, error: Exception, problem: Problem, request_id: bytes, route: str, caller: str | None) -> Reply:
        """The problem document of what went wrong, after it was recorded and counted."""
        if isinstance(error, RequestRejected):
            self._metrics.rejected(error.kind)
            self._record("reject", request_id, problem, {**_about(route, problem, caller), **_rejection(error)})
        elif not isinstance(error, AnswerWithheld | RequestRefused):
            # The message may quote the input, so that only the class is told, here and in the record.
            _LOG.error("request %s broke: %s at %s", uuid_text(request_id), type(error).__name__, _place(error))
            details: dict[str, AttributeValue] = {semconv.ERROR_TYPE: type(error).__name__}
            self._record("error", request_id, problem, {**_about(route, problem, caller), **details})
        return problem_reply(problem, error.headers if isinstance(error, RequestRefused) else None)

    def _record(self, kind: str, request_id: bytes, problem: Problem, attributes: dict[str, AttributeValue]) -> None:
        span = self._exporter.stream.about_request(kind, request_id, attributes)
        try:
            self._exporter.note(span)
        except AnswerWithheld as failed:
            _LOG.warning("no record of a %d answer: %s", problem.status, failed)


def _about(route: str, problem: Problem, caller: str | None) -> dict[str, AttributeValue]:
    return {
        semconv.HTTP_ROUTE: route,
        semconv.ANSWER_STATUS: problem.status,
        semconv.PROBLEM_TYPE: problem.type,
        semconv.CALLER: caller or "",
    }


def _rejection(error: RequestRejected) -> dict[str, AttributeValue]:
    details: dict[str, AttributeValue] = {semconv.REASON: error.kind}
    if error.recorded_field is not None:
        details[semconv.FIELD] = error.recorded_field
    return details


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
