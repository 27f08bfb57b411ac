# SPDX-License-Identifier: Apache-2.0
"""Predict, and let the answer go only when its evidence is durable (promise P1).

Of each prediction one `PredictionEvent` is made, and `_publish` alone writes its span and its count, so that log and
metrics cannot disagree. The subject is pseudonymised before anything else sees it. When the deadline passes first,
`AnswerWithheld` is raised and a `withheld` record follows the prediction into the log.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import msgspec

from contracts.identifiers import IdSource, uuid_text
from contracts.otlp import SpanLink, encode_span
from contracts.prediction import PredictionEvent, to_span
from contracts.subject import SubjectKey
from contracts.timestamps import format_time
from service.errors import AnswerWithheld
from service.evidence.exporter import Exporter
from service.evidence.submission import Submission
from service.model.model import Model
from service.model.verdict import Outcome
from service.prediction.answer import AnswerWriter
from service.prediction.rejection import RequestRejected
from service.prediction.schema import Instance, RequestSchema

_CHUNK: Final = 32
"""Rows handled before the event loop gets its turn: about one millisecond."""
_IN_LOOP: Final = 64
"""More rows than this are predicted in a thread; the runtime releases the interpreter meanwhile."""
_OK: Final = 200


class Ask(NamedTuple):
    """What the edge knows of a request. ``start`` is in unix nanoseconds; ``request_id`` names it in problems.

    A single prediction and the first row of a batch have these ids; further rows get their own. ``waited`` is told how
    many seconds the answer, once made, waited for its evidence, in vain or not.
    """

    caller: str
    request_id: bytes
    span_id: bytes
    start: int
    client_request_id: str | None = None
    link: SpanLink | None = None
    waited: Callable[[float], None] | None = None


class Ledger(Protocol):
    """What is counted; `service.metrics.ServiceMetrics` is the real one."""

    def predicted(self, label: str, trace_id: bytes, span_id: bytes) -> None:
        """A prediction was made, whether its answer leaves or not."""

    def withheld(self, reason: str, count: int) -> None:
        """Answers that did not leave."""


class _Made(NamedTuple):
    instance: Instance
    request_id: bytes
    core: str
    span: bytes


class Predictor:
    """One model, one stream. Methods raise RequestRejected or AnswerWithheld."""

    def __init__(self, model: Model, key: SubjectKey, exporter: Exporter, ledger: Ledger, ids: IdSource) -> None:
        self.schema = RequestSchema(model.card)
        self._model = model
        self._key = key
        self._exporter = exporter
        self._ledger = ledger
        self._ids = ids
        self._writer = AnswerWriter(model.card)
        self._model_id = model.card.model_id
        self._threshold = model.card.output.threshold

    def admit(self) -> None:
        """Raise AnswerWithheld, and count it, while a record is not likely to be durable in time."""
        try:
            self._exporter.admit()
        except AnswerWithheld as refusal:
            self._ledger.withheld(refusal.reason, 1)
            raise

    async def answer(self, ask: Ask, body: bytes) -> bytes:
        """The answer to one request, its record durable."""
        instance = self.schema.decode(body)
        outcome = self._model.predict((instance.row,))[0]
        made = self._make(ask, instance, _scored(outcome, "$"), None)
        submission = self._exporter.submit(made.span)
        await self._durable(submission, [ask.request_id], ask)
        return self._response(made, submission, 0, msgspec.json.encode(self._exporter.log).decode()).encode()

    async def answer_batch(self, ask: Ask, body: bytes) -> bytes:
        """The answers to all rows of a batch in order, all durable; one bad row refuses the whole."""
        batch_id = uuid_text(self._ids.request_id())
        instances: list[Instance] = []
        for place, decoded in enumerate(self.schema.decode_batch(body)):
            instances.append(self.schema.instance(decoded, f"$.instances[{place}]"))
            await _let_others(place)
        rows = [instance.row for instance in instances]
        in_loop = len(rows) <= _IN_LOOP
        outcomes = self._model.predict(rows) if in_loop else await asyncio.to_thread(self._model.predict, rows)
        scored = [_scored(outcome, f"$.instances[{place}]") for place, outcome in enumerate(outcomes)]
        made: list[_Made] = []
        for place, (instance, outcome) in enumerate(zip(instances, scored, strict=True)):
            made.append(self._make(ask if place == 0 else self._next(ask), instance, outcome, batch_id))
            await _let_others(place)
        submission = self._submit(made, batch=True)
        await self._durable(submission, [row.request_id for row in made], ask)
        return await self._batch_response(made, submission)

    def _next(self, ask: Ask) -> Ask:
        return ask._replace(request_id=self._ids.request_id(), span_id=self._ids.span_id())

    def _make(self, ask: Ask, instance: Instance, outcome: Outcome, batch_id: str | None) -> _Made:
        explained = self._model.explain(instance.row)
        end = time.time_ns()
        core = self._writer.core(
            outcome, uuid_text(ask.request_id), format_time(end), None if explained is None else explained.reasons
        )
        event = PredictionEvent(
            request_id=ask.request_id,
            span_id=ask.span_id,
            start=ask.start,
            end=end,
            subject=self._key.pseudonym(instance.subject),
            subject_key_id=self._key.key_id,
            caller=ask.caller,
            input=instance.input_json,
            answer=core,
            label=outcome.label,
            score=outcome.score,
            answer_status=_OK,
            client_request_id=ask.client_request_id,
            batch_id=batch_id,
            threshold=self._threshold,
            explanation=None if explained is None else explained.explanation,
        )
        return _Made(instance, ask.request_id, core, self._publish(event, ask.link))

    def _publish(self, event: PredictionEvent, link: SpanLink | None) -> bytes:
        self._ledger.predicted(event.label, event.request_id, event.span_id)
        return encode_span(to_span(event, self._model_id, link))

    def _submit(self, made: list[_Made], batch: bool) -> Submission:
        try:
            return (
                self._exporter.submit_rows([row.span for row in made]) if batch else self._exporter.submit(made[0].span)
            )
        except AnswerWithheld as withheld:  # the stream ended after the request was admitted
            self._ledger.withheld(withheld.reason, len(made))
            raise

    async def _durable(self, submission: Submission, request_ids: list[bytes], ask: Ask) -> None:
        start = time.perf_counter()
        try:
            await submission.committed()
        except AnswerWithheld as withheld:
            self._ledger.withheld(withheld.reason, len(request_ids))
            if withheld.reason == "deadline":
                self._exporter.note_withheld(submission, request_ids, withheld.reason)
            raise
        finally:
            if ask.waited is not None:
                ask.waited(time.perf_counter() - start)

    def _response(self, made: _Made, submission: Submission, place: int, log_json: str) -> str:
        position = submission.entries[place].position
        assert position is not None, "an answer without evidence must not be built"
        return self._writer.response(made.instance.subject_json, made.core, log_json, position)

    async def _batch_response(self, made: list[_Made], submission: Submission) -> bytes:
        log_json = msgspec.json.encode(self._exporter.log).decode()
        parts: list[str] = []
        for place, row in enumerate(made):
            parts.append(self._response(row, submission, place, log_json))
            await _let_others(place)
        return f'{{"predictions":[{",".join(parts)}]}}'.encode()


def _scored(outcome: Outcome | None, path: str) -> Outcome:
    if outcome is None:
        raise RequestRejected("unscorable", "the model gives no finite score for these values", path)
    return outcome


async def _let_others(place: int) -> None:
    if place % _CHUNK == _CHUNK - 1:
        await asyncio.sleep(0)
