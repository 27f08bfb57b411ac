# SPDX-License-Identifier: Apache-2.0
"""Exports as the service would send them: one stream, contiguous, every span the record of a real prediction.

Inputs, scores and reasons come from a few thousand predictions of the reference model made beforehand; ids, times,
subjects and sequence numbers are fresh in each span.
"""

import json
import os
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from bench.bodies import accounts
from bench.stack import BUNDLE
from contracts.bundle import load_bundle
from contracts.identifiers import IdSource, uuid_text
from contracts.otlp import encode_export, encode_span, with_sequence
from contracts.prediction import PredictionEvent, to_span
from contracts.release import Release
from contracts.subject import SubjectKey
from contracts.timestamps import format_time
from service.evidence.stream import Identity, Stream
from service.model.model import Model
from service.model.verdict import Outcome
from service.prediction.answer import AnswerWriter

_DIFFERENT: Final = 4_000


class _Made(NamedTuple):
    subject: str
    input: str
    outcome: Outcome
    reasons: str | None
    explanation: str | None


class Predictions:
    """Predictions that were made once and are told again with new ids."""

    def __init__(self) -> None:
        model = Model(load_bundle(BUNDLE))
        self.card = model.card
        self.writer = AnswerWriter(model.card)
        self.made: list[_Made] = []
        names = [feature.name for feature in model.card.features]
        for account in accounts(_DIFFERENT, seed=11):
            row = account[1:]
            (outcome,) = model.predict([row])
            explained = model.explain(row)
            if outcome is None:
                continue
            told = json.dumps(dict(zip(names, row, strict=True)), separators=(",", ":"))
            reasons, explanation = (None, None) if explained is None else explained
            self.made.append(_Made(account.customer_id, told, outcome, reasons, explanation))


class Producer:
    """One stream. The request ids of its last export are in ``ids``."""

    def __init__(self, predictions: Predictions) -> None:
        card = predictions.card
        release = Release("ab" * 32, "cd" * 32)
        identity = Identity("0.1.0", card.model_id, card.version, "ab" * 32, release, {})
        self.ids: list[bytes] = []
        self._predictions = predictions
        self._source = IdSource()
        self._stream = Stream(identity, self._source, time.time_ns)
        self._key = SubjectKey("bench", os.urandom(32))

    def opening(self) -> bytes:
        """The export that opens the stream."""
        return self._export([self._stream.release(), self._stream.heartbeat()])

    def exports(self, group: int) -> Iterator[bytes]:
        """Exports of ``group`` spans without end."""
        made, place = self._predictions.made, 0
        while True:
            rows = [made[(place + at) % len(made)] for at in range(group)]
            place += group
            self.ids = [self._source.request_id() for _ in rows]
            yield self._export([self._span(row, at) for row, at in zip(rows, self.ids, strict=True)])

    def _span(self, made: _Made, request_id: bytes) -> bytes:
        predictions, now = self._predictions, time.time_ns()
        answer = predictions.writer.core(made.outcome, uuid_text(request_id), format_time(now), made.reasons)
        event = PredictionEvent(
            request_id=request_id, span_id=self._source.span_id(), start=now - 250_000, end=now,
            subject=self._key.pseudonym(made.subject), subject_key_id=self._key.key_id, caller="bench",
            input=made.input, answer=answer, label=made.outcome.label, score=made.outcome.score, answer_status=200,
            threshold=predictions.card.output.threshold, explanation=made.explanation,
        )  # fmt: skip
        return encode_span(to_span(event, predictions.card.model_id))

    def _export(self, spans: list[bytes]) -> bytes:
        stream = self._stream
        placed = [with_sequence(span, stream.next_sequence()) for span in spans]
        return encode_export(stream.resource, stream.scope, placed)
