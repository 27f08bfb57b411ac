# SPDX-License-Identifier: Apache-2.0
"""`GET /governance/audit-log`: entries of the log, with subject, label and score named as on the card."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from contracts.model_card import ModelCard
from contracts.tokens import Caller
from service.audit_client import AuditClient
from service.errors import ConnectionFailed
from service.web.problems import RequestRefused
from service.web.receipts import connected, passed_on
from service.web.reply import Reply

FILTERS: Final = (
    "subject", "request_id", "model", "version", "label", "kind", "from", "to", "min_score", "max_score", "limit",
    "cursor",
)  # fmt: skip


class _Page(Struct):
    total: int
    entries: list[dict[str, Any]]
    next: str | None = None


class AuditLogRoute:
    """Reads through the audit API; predictions unless ``kind`` says otherwise."""

    def __init__(self, card: ModelCard, audit: AuditClient | None) -> None:
        self._audit = audit
        self._names = {
            "subject": card.subject_field,
            "label": card.output.label_field,
            "score": card.output.score_field,
        }

    async def entries(self, query: Iterable[tuple[str, str]], caller: Caller) -> Reply:
        """One page, newest first, and a record that ``caller`` read it. Raises RequestRefused or ConnectionFailed."""
        wanted: dict[str, str] = {"kind": "prediction"}
        for name, value in query:
            if name not in FILTERS:
                raise RequestRefused(422, "query", f"no filter {name[:40]!r}; there are {', '.join(FILTERS)}")
            wanted[name] = value
        found = passed_on(await connected(self._audit).records(wanted, caller.name))
        try:
            page = msgspec.json.decode(found.body, type=_Page)
        except ValueError as error:
            raise ConnectionFailed("the audit API gave an answer of another shape") from error
        entries = [{self._names.get(name, name): value for name, value in entry.items()} for entry in page.entries]
        return Reply(200, msgspec.json.encode(_Page(page.total, entries, page.next)))
