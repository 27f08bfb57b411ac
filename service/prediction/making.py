# SPDX-License-Identifier: Apache-2.0
"""Make one prediction's event, and from it alone its span and its count, so that log and metrics cannot disagree.

The subject is pseudonymised here, before anything else sees it.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from contracts.acknowledgement import Position
from contracts.identifiers import uuid_text
from contracts.otlp import SpanLink
from contracts.prediction import PredictionEvent
from contracts.subject import SubjectKey
from contracts.timestamps import format_time
from service.model.model import Model
from service.model.session import Row
from service.model.verdict import Outcome
from service.prediction.answer import AnswerWriter
from service.prediction.schema import Instance
from service.prediction.span_writer import SpanWriter

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

    def asked(self, rows: Sequence[Row]) -> None:
        """The model was run on these rows, and what came of them was counted."""

    def withheld(self, reason: str, count: int) -> None:
        """Answers that did not leave."""


class Made(NamedTuple):
    """A prediction that is not durable yet: the core of its answer, and its span."""

    instance: Instance
    request_id: bytes
    core: str
    span: bytes


class Maker:
    """One model, one key."""

    def __init__(self, model: Model, key: SubjectKey, ledger: Ledger) -> None:
        self._model = model
        self._key_id = key.key_id
        self._pseudonym = key.prepared()
        self._ledger = ledger
        self._writer = AnswerWriter(model.card)
        self._spans = SpanWriter(model.card.model_id)
        self._threshold = model.card.output.threshold

    def make(self, ask: Ask, instance: Instance, outcome: Outcome, batch_id: str | None = None) -> Made:
        """The prediction; its end is now."""
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
            subject=self._pseudonym(instance.subject),
            subject_key_id=self._key_id,
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
        return Made(instance, ask.request_id, core, self._publish(event, ask.link))

    def _publish(self, event: PredictionEvent, link: SpanLink | None) -> bytes:
        self._ledger.predicted(event.label, event.request_id, event.span_id)
        return self._spans.write(event, link)

    def response(self, made: Made, log: str, position: Position | None) -> str:
        """The answer's JSON; without a position, which is its evidence, it must not be asked for."""
        assert position is not None, "an answer without evidence must not be built"
        return self._writer.response(made.instance.subject_json, made.core, log, position)
