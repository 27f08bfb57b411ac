# SPDX-License-Identifier: Apache-2.0
"""A caller's own evidence, fetched from the audit API: another caller's id is as unknown as one that never was."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from contracts.errors import ContractError
from contracts.identifiers import parse_uuid
from contracts.tokens import Caller
from service.audit_client import AuditClient
from service.client.connection import Reply as AuditReply
from service.prediction.rejection import RequestRejected, from_decoding
from service.web.problems import RequestRefused
from service.web.reply import Reply

_MOST: Final = 1000


class ReceiptsRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Which receipts are wanted."""

    request_ids: Annotated[list[str], Meta(min_length=1, max_length=_MOST)]


class ReceiptRoutes:
    """Without an audit API there are no receipts, and the answer says so."""

    def __init__(self, audit: AuditClient | None) -> None:
        self._audit = audit
        self._decode = msgspec.json.Decoder(ReceiptsRequest).decode

    async def one(self, request_id: str, caller: Caller, form: str | None) -> Reply:
        """`GET /predict/{request_id}/receipt`. Raises RequestRefused or ConnectionFailed."""
        if form not in (None, "yes", "no"):
            raise RequestRejected("schema", "open must be yes or no", "open")
        try:
            parse_uuid(request_id)
        except ContractError:
            raise unknown() from None
        found = await connected(self._audit).receipt(request_id, caller.name, form != "no")
        if found.status == 202:
            headers = {"Retry-After": found.headers.get("retry-after", "1"), "Content-Type": "application/json"}
            return Reply(202, b'{"status":"not covered by a checkpoint yet"}', headers)
        if found.status == 404:
            raise unknown()
        if found.status == 410:
            raise RequestRefused(410, "erased", "the payload of this record was erased; ask again with open=no")
        return passed_on(found)

    async def many(self, body: bytes, caller: Caller) -> Reply:
        """`POST /receipts`. Raises RequestRejected, RequestRefused or ConnectionFailed."""
        try:
            wanted = self._decode(body)
        except (ValueError, RecursionError) as error:
            raise from_decoding(error, body, {}) from error
        return passed_on(await connected(self._audit).receipts(wanted.request_ids, caller.name))


def connected(audit: AuditClient | None) -> AuditClient:
    """The client, or RequestRefused when the service was started without ``--audit-url``."""
    if audit is None:
        raise RequestRefused(503, "no-audit-api", "this service was started without --audit-url")
    return audit


def passed_on(found: AuditReply) -> Reply:
    """A 200 of the audit API as it came; RequestRefused for anything else."""
    if found.status == 200:
        return Reply(200, found.body)
    if found.status in (401, 403):
        raise RequestRefused(503, "audit-unavailable", "the audit API does not accept this service's token")
    if found.status in (400, 414, 422):
        raise RequestRefused(422, "query", _detail(found))
    raise RequestRefused(503, "audit-unavailable", f"the audit API answered {found.status}")


def unknown() -> RequestRefused:
    """404, the same for what never was and for what belongs to another caller."""
    return RequestRefused(404, "not-found", "there is no prediction of yours with this request id")


class _Detail(Struct):
    detail: str = "the audit API does not understand the query"


def _detail(found: AuditReply) -> str:
    try:
        return msgspec.json.decode(found.body, type=_Detail).detail
    except (ValueError, RecursionError):
        return _Detail().detail
