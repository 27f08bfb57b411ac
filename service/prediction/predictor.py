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
from service.evidence.submission import Awaited, Submission
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
        rows = [instance.row for _, instance in good]
        outcomes = self._outcomes(rows)
        for (one, instance), outcome in zip(good, outcomes, strict=True):
            try:
                self._begin(one, instance, outcome)
            except Exception as error:
                one.done(error)
        self._ledger.asked(rows)

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
        try:
            self._exporter.submit(made.span, partial(self._ended, one, made, time.perf_counter()))
        except AnswerWithheld as withheld:  # the stream ended after the request was admitted
            self._ledger.withheld(withheld.reason, 1)
            raise

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
        return await self._record_rows(ask, instances, scored, batch_id)

    async def _record_rows(self, ask: Ask, instances: list[Instance], scored: list[Outcome], batch_id: str) -> bytes:
        awaited, made = Awaited(), list[Made]()
        submission = self._exporter.begin_rows(len(scored), awaited.told)
        try:
            # Nothing about a row can be wrong any more, so the first are on their way while the last are made.
            for start in range(0, len(scored), _CHUNK):
                end = min(start + _CHUNK, len(scored))
                for place in range(start, end):
                    own = self._next(ask) if place else ask
                    made.append(self._maker.make(own, instances[place], scored[place], batch_id))
                self._ledger.asked([instance.row for instance in instances[start:end]])
                self._exporter.add_rows(submission, [row.span for row in made[start:]])
                await asyncio.sleep(0)
        except AnswerWithheld as withheld:  # the stream ended after the request was admitted
            self._ledger.withheld(withheld.reason, len(made))
            raise
        except Exception:
            self._withhold(submission, made[: len(submission.entries)], "failed", rows=True)
            raise
        since = time.perf_counter()
        _, outcome = await awaited.ended()
        self._conclude(ask, made, since, submission, outcome, rows=True)
        return await self._batch_response(made, submission)

    def _next(self, ask: Ask) -> Ask:
        # Not `_replace`, which costs more than the ids.
        ids = self._ids
        return Ask(ask.caller, ids.request_id(), ids.span_id(), ask.start, ask.client_request_id, ask.link, ask.waited)

    def _conclude(
        self,
        ask: Ask,
        made: list[Made],
        since: float,
        submission: Submission,
        withheld: AnswerWithheld | None,
        rows: bool = False,
    ) -> None:
        if ask.waited is not None:
            ask.waited(time.perf_counter() - since)
        if withheld is None:
            return
        if withheld.reason == "deadline":
            self._withhold(submission, made, withheld.reason, rows)
        else:
            self._ledger.withheld(withheld.reason, len(made))
        raise withheld

    def _withhold(self, submission: Submission, made: list[Made], reason: str, rows: bool) -> None:
        self._ledger.withheld(reason, len(made))
        self._exporter.note_withheld(submission, [row.request_id for row in made], reason, rows)

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
