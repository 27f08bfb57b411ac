# SPDX-License-Identifier: Apache-2.0
"""`/healthz` and `/ready`: small answers made beforehand. Probes never write a record."""

import json

from contracts.model_card import ModelCard
from contracts.review import REVIEW_OVERDUE
from service.evidence.exporter import Exporter
from service.review import Review
from service.web.problems import RequestRefused
from service.web.reply import Reply


class HealthRoutes:
    """Alive as long as the process answers; ready while evidence gets through and the card does not forbid it."""

    def __init__(self, card: ModelCard, exporter: Exporter, review: Review) -> None:
        self._exporter = exporter
        self._review = review
        self._alive = Reply(200, json.dumps({"status": "ok", "model_version": card.version}).encode())
        self._ready = Reply(200, json.dumps({"status": "ready", "model_id": card.model_id}).encode())

    def alive(self) -> Reply:
        """`GET /healthz`."""
        return self._alive

    def ready(self) -> Reply:
        """`GET /ready`. Raises RequestRefused while evidence would not get through, or the card forbids."""
        if not self._exporter.ready:
            raise RequestRefused(503, "not-ready", "the audit sidecar does not acknowledge evidence at present")
        if self._review.unready:
            raise RequestRefused(503, REVIEW_OVERDUE, "the review of the model card is overdue; release a reviewed one")
        return self._ready
