# SPDX-License-Identifier: Apache-2.0
"""Follow the review date of the card while the process runs: recorded once, told to callers as the card asks for.

The effects follow the clock at once, whatever becomes of the record: a log that is away keeps no lapsed approval
alive. The record is queued before any later prediction; a process that starts too late writes it right behind its
canary. What has lapsed stays so for this process, even if the clock is set back.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from contracts import semconv
from contracts.model_card import ModelCard
from contracts.otlp import AttributeValue
from contracts.review import ACTIONS, REVIEW_OVERDUE, WARNING_HEADER, review_due, warning, when_overdue
from service.errors import AnswerWithheld
from service.evidence.exporter import Exporter
from service.evidence.submission import Submission

_LOG: Final = logging.getLogger("countersign.service")
_LONGEST_SLEEP: Final = 60.0
"""Seconds: a clock that is corrected meanwhile is noticed."""


class Review:
    """``clock`` gives unix seconds. ``headers`` are those of an answer while it carries a warning, else None."""

    def __init__(self, card: ModelCard, exporter: Exporter, clock: Callable[[], float] = time.time) -> None:
        due = review_due(card)
        self.action = when_overdue(card)
        self.due = None if due is None else due.timestamp()
        """Unix time in seconds, None for a card without review date."""
        self.overdue = False
        self.headers: Mapping[str, str] | None = None
        self._exporter = exporter
        self._clock = clock
        self._day = "" if due is None else due.date().isoformat()
        self._warning = None if due is None or self.action == "alert" else warning(due)
        if self._lapsed():
            self._take_effect()
            exporter.begin_with(self._notice())

    @property
    def unready(self) -> bool:
        """Whether the pod is to be taken out of service."""
        return self.look() and self.action == ACTIONS[-1]

    def look(self) -> bool:
        """Whether the review is overdue; the first time it is, that is recorded."""
        if not self.overdue and self._lapsed():
            self._take_effect()
            try:
                self._exporter.submit(self._notice(), self._recorded)
            except AnswerWithheld as failed:
                _LOG.warning("no record of the overdue review: %s", failed)
        return self.overdue

    async def watch(self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        """Look when the day has come; return when it has, or when there is none."""
        while self.due is not None and not self.look():
            await sleep(min(self.due - self._clock(), _LONGEST_SLEEP))

    def _lapsed(self) -> bool:
        return self.due is not None and self._clock() >= self.due

    def _take_effect(self) -> None:
        self.overdue = True
        if self._warning is not None:
            self.headers = {"Content-Type": "application/json", WARNING_HEADER: self._warning}
        _LOG.warning("the approval of the model lapsed: its card was due for review on %s (%s)", self._day, self.action)

    def _notice(self) -> bytes:
        attributes: dict[str, AttributeValue] = {
            semconv.REASON: REVIEW_OVERDUE, semconv.REVIEW_DUE: self._day, semconv.REVIEW_ACTION: self.action,
        }  # fmt: skip
        return self._exporter.stream.notice(attributes)

    def _recorded(self, submission: Submission, withheld: AnswerWithheld | None) -> None:
        if withheld is not None:
            _LOG.warning("the record of the overdue review is not durable yet: %s", withheld)
