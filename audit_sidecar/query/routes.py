# SPDX-License-Identifier: Apache-2.0
"""Routes of the audit API. Handlers run in worker threads: a search never holds up an acknowledgement."""

from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers.base import BaseRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from audit_sidecar.errors import AuditError
from audit_sidecar.query.authorise import Connection, Guard
from audit_sidecar.query.completeness import Completeness
from audit_sidecar.query.evidence import MAX_LIMIT, Evidence, NotFound, Page, RecordView
from audit_sidecar.query.parameters import BadParameter, Filters, period_of, request_id_of, require_known, search_of
from audit_sidecar.query.receipts import Erased, NotCovered
from audit_sidecar.tlog.errors import VerificationError
from contracts.receipt import encode_receipt

From = Annotated[str | None, QueryParameter(name="from", description="RFC 3339 time or date, inclusive")]
To = Annotated[str | None, QueryParameter(name="to", description="RFC 3339 time or date, exclusive")]
Caller = Annotated[str | None, QueryParameter(description="refuse records of any other caller")]


class ReceiptsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Request ids whose receipts are wanted."""

    request_ids: Annotated[list[str], msgspec.Meta(min_length=1, max_length=1000)]
    caller: str | None = None


class ReceiptsAnswer(msgspec.Struct, frozen=True):
    """Per request id a receipt, or ``{"status": 202 | 404 | 410 | 503}`` where there is none to give."""

    receipts: dict[str, msgspec.Raw]


def takes(*names: str) -> Guard:
    """A guard that refuses every other query parameter."""

    def guard(connection: Connection, _: BaseRouteHandler) -> None:
        require_known(connection.query_params.dict(), names)

    return guard


_RECORDS = takes(
    "subject", "request_id", "model", "version", "label", "kind", "from", "to", "min_score", "max_score", "limit",
    "cursor",
)  # fmt: skip
_RECEIPT, _PERIOD, _NOTHING = takes("open", "caller"), takes("from", "to"), takes()


@get("/api/records", guards=[_RECORDS], sync_to_thread=True, summary="Find records, newest first")
def find_records(  # noqa: PLR0913  (each argument is one query parameter, documented as such)
    evidence: NamedDependency[Evidence],
    subject: FromQuery[str | None] = None,
    request_id: FromQuery[str | None] = None,
    model: FromQuery[str | None] = None,
    version: FromQuery[str | None] = None,
    label: FromQuery[str | None] = None,
    kind: FromQuery[str | None] = None,
    from_time: From = None,
    to_time: To = None,
    min_score: FromQuery[float | None] = None,
    max_score: FromQuery[float | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = 100,
    cursor: FromQuery[str | None] = None,
) -> Page:
    """All filters must hold; times are half-open."""
    filters = Filters(
        subject, request_id, model, version, label, kind, from_time, to_time, min_score, max_score
    )  # fmt: skip
    return evidence.search(search_of(filters), limit, cursor)


@get("/api/records/{request_id:str}", guards=[_NOTHING], sync_to_thread=True, summary="One record whole")
def show_record(evidence: NamedDependency[Evidence], request_id: FromPath[str]) -> RecordView:
    """The record, its release, and what was recorded about it."""
    return evidence.show(_path_id(request_id))


@get(
    "/api/records/{request_id:str}/proof",
    guards=[_NOTHING],
    sync_to_thread=True,
    media_type="text/plain",
    summary="Inclusion proof",
)
def prove_record(evidence: NamedDependency[Evidence], request_id: FromPath[str]) -> str:
    """The text of a c2sp.org/tlog-proof@v1."""
    return evidence.proof(_path_id(request_id))


@get(
    "/api/records/{request_id:str}/receipt",
    guards=[_RECEIPT],
    sync_to_thread=True,
    summary="Receipt that verifies offline",
)
def give_receipt(
    evidence: NamedDependency[Evidence],
    request_id: FromPath[str],
    opened: Annotated[str, QueryParameter(name="open")] = "yes",
    caller: Caller = None,
) -> Response[bytes]:
    """202 until a checkpoint covers the record; 410 once its payload is erased, unless ``open=no``."""
    if opened not in ("yes", "no"):
        raise BadParameter("open", "is yes or no")
    receipt = evidence.receipt(_path_id(request_id), opened == "yes", caller)
    return Response(encode_receipt(receipt), media_type="application/json")


@post("/api/receipts", sync_to_thread=True, status_code=200, summary="Many receipts at once")
def give_receipts(evidence: NamedDependency[Evidence], data: JSONBody[ReceiptsQuery]) -> ReceiptsAnswer:
    """Each id is answered for itself."""
    return ReceiptsAnswer({text: _receipt_or_status(evidence, text, data.caller) for text in data.request_ids})


@get("/api/completeness", guards=[_PERIOD], sync_to_thread=True, summary="What was sent and what is missing")
def report_completeness(
    evidence: NamedDependency[Evidence], from_time: From = None, to_time: To = None
) -> Completeness:
    """Per producer process: first and last sequence number, count, gaps, how it ended."""
    return evidence.completeness(*period_of(from_time, to_time))


def _path_id(text: str) -> bytes:
    try:
        return request_id_of(text)
    except BadParameter as error:
        raise NotFound(f"{text[:64]!r} is no request id") from error


def _receipt_or_status(evidence: Evidence, text: str, caller: str | None) -> msgspec.Raw:
    try:
        return msgspec.Raw(encode_receipt(evidence.receipt(_path_id(text), caller=caller)))
    except NotCovered:
        status = 202
    except NotFound:
        status = 404
    except Erased:
        status = 410
    except (AuditError, VerificationError):
        status = 503
    return msgspec.Raw(msgspec.json.encode({"status": status}))
