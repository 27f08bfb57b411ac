# SPDX-License-Identifier: Apache-2.0
"""Predict, and let the answer go only when its evidence is durable (promise P1).

When the deadline passes first, the answer is withheld, and a `withheld` record follows the prediction into the log.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

from contracts.identifiers import IdSource, uuid_text
from contracts.subject import SubjectKey
from service.errors import AnswerWithheld
from service.evidence.exporter import Exporter
from service.evidence.submission import Awaited, Submission, Told
from service.model.model import Model
from service.model.session import Row
from service.model.verdict import Outcome
from service.prediction.making import Ask, Ledger, Made, Maker
from service.prediction.rejection import RequestRejected
from service.prediction.schema import Instance, RequestSchema

_CHUNK: Final = 32
"""Rows handled before the event loop gets its turn: about one millisecond."""
_IN_LOOP: Final = 64
"""More rows than this are predicted in a thread; the runtime releases the interpreter meanwhile."""


class Asked(NamedTuple):
    """One of several requests that are answered together.

    ``done`` is called once, now or later, with the answer or with why there is none; it must not raise.
    """

    ask: Ask
    body: bytes
    done: Callable[[bytes | Exception], None]


class Predictor:
    """One model, one stream. What goes wrong is a RequestRejected or an AnswerWithheld."""

    def __init__(self, model: Model, key: SubjectKey, exporter: Exporter, ledger: Ledger, ids: IdSource) -> None:
        self.schema = RequestSchema(model.card)
        self._model = model
        self._exporter = exporter
        self._ledger = ledger
        self._ids = ids
        self._maker = Maker(model, key, ledger)

    def admit(self) -> None:
        """Raise AnswerWithheld, and count it, while a record is not likely to be durable in time."""
        try:
            self._exporter.admit()
        except AnswerWithheld as refusal:
            self._ledger.withheld(refusal.reason, 1)
            raise

    async def answer(self, ask: Ask, body: bytes) -> bytes:
        """The answer to one request, its record durable."""
        found: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def done(answer: bytes | Exception) -> None:
            if found.done():  # nobody waits any more
                return
            if isinstance(answer, bytes):
                found.set_result(answer)
            else:
                found.set_exception(answer)

        self.answer_all((Asked(ask, body, done),))
        return await found

    def answer_all(self, asked: Sequence[Asked]) -> None:
        """Answer requests that came at the same time, in one run of the model; none of them feels another."""
        good: list[tuple[Asked, Instance]] = []
        for one in asked:
            try:
                good.append((one, self.schema.decode(one.body)))
            except Exception as error:
                one.done(error)
        outcomes = self._outcomes([instance.row for _, instance in good])
        for (one, instance), outcome in zip(good, outcomes, strict=True):
            try:
                self._begin(one, instance, outcome)
            except Exception as error:
                one.done(error)

    def _outcomes(self, rows: list[Row]) -> Sequence[Outcome | Exception | None]:
        try:
            return self._model.predict_side_by_side(rows) if rows else ()
        except Exception as error:
            # One row may break a run of many; which one is found by running each alone.
            return (error,) if len(rows) == 1 else [outcome for row in rows for outcome in self._outcomes([row])]

    def _begin(self, one: Asked, instance: Instance, outcome: Outcome | Exception | None) -> None:
        if isinstance(outcome, Exception):
            raise outcome
        made = self._maker.make(one.ask, instance, _scored(outcome, "$"))
        self._submit([made], partial(self._ended, one, made, time.perf_counter()))

    def _ended(
        self, one: Asked, made: Made, since: float, submission: Submission, withheld: AnswerWithheld | None
    ) -> None:
        try:
            self._conclude(one.ask, [made], since, submission, withheld)
            answer: bytes | Exception = self._response(made, submission, 0).encode()
        except Exception as error:
            answer = error
        one.done(answer)

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
        made: list[Made] = []
        for place, (instance, outcome) in enumerate(zip(instances, scored, strict=True)):
            made.append(self._maker.make(ask if place == 0 else self._next(ask), instance, outcome, batch_id))
            await _let_others(place)
        submission = await self._durable(ask, made)
        return await self._batch_response(made, submission)

    def _next(self, ask: Ask) -> Ask:
        return ask._replace(request_id=self._ids.request_id(), span_id=self._ids.span_id())

    async def _durable(self, ask: Ask, made: list[Made]) -> Submission:
        awaited, since = Awaited(), time.perf_counter()
        self._submit(made, awaited.told)
        submission, withheld = await awaited.ended()
        self._conclude(ask, made, since, submission, withheld)
        return submission

    def _submit(self, made: list[Made], told: Told) -> None:
        try:
            self._exporter.submit_rows([row.span for row in made], told)
        except AnswerWithheld as withheld:  # the stream ended after the request was admitted
            self._ledger.withheld(withheld.reason, len(made))
            raise

    def _conclude(
        self, ask: Ask, made: list[Made], since: float, submission: Submission, withheld: AnswerWithheld | None
    ) -> None:
        if ask.waited is not None:
            ask.waited(time.perf_counter() - since)
        if withheld is not None:
            self._ledger.withheld(withheld.reason, len(made))
            if withheld.reason == "deadline":
                self._exporter.note_withheld(submission, [row.request_id for row in made], withheld.reason)
            raise withheld

    def _response(self, made: Made, submission: Submission, place: int) -> str:
        return self._maker.response(made, self._exporter.log, submission.entries[place].position)

    async def _batch_response(self, made: list[Made], submission: Submission) -> bytes:
        parts: list[str] = []
        for place, row in enumerate(made):
            parts.append(self._response(row, submission, place))
            await _let_others(place)
        return f'{{"predictions":[{",".join(parts)}]}}'.encode()


def _scored(outcome: Outcome | None, path: str) -> Outcome:
    if outcome is None:
        raise RequestRejected("unscorable", "the model gives no finite score for these values", path)
    return outcome


async def _let_others(place: int) -> None:
    if place % _CHUNK == _CHUNK - 1:
        await asyncio.sleep(0)
