# SPDX-License-Identifier: Apache-2.0
"""Query parameters as a search; what is malformed is a ContractError that names the parameter."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from audit_sidecar.stores.store import Search
from contracts import semconv
from contracts.errors import ContractError
from contracts.identifiers import parse_uuid
from contracts.timestamps import parse_time

PARAMETERS: Final = (
    "subject", "request_id", "model", "version", "label", "kind", "from", "to", "min_score", "max_score", "limit",
    "cursor", "open", "caller",
)  # fmt: skip
"""Every query parameter of the audit API."""
_TRACE_ID: Final = re.compile("[0-9a-f]{32}", re.ASCII)


class BadParameter(ContractError):
    """A query parameter that is malformed; ``name`` is its name."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name


class Filters(NamedTuple):
    """The filters as text and numbers, as they come from a URL or a command line."""

    subject: str | None = None
    request_id: str | None = None
    model: str | None = None
    version: str | None = None
    label: str | None = None
    kind: str | None = None
    from_time: str | None = None
    to_time: str | None = None
    min_score: float | None = None
    max_score: float | None = None


def require_known(given: Mapping[str, Sequence[str]], known: Sequence[str]) -> None:
    """Refuse parameters that nobody reads, and repeated ones: a filter left out in silence would show too much."""
    for name, values in given.items():
        if name not in known:
            raise BadParameter(name[:40], f"there is no such parameter; there are {', '.join(known) or 'none'}")
        if len(values) > 1:
            raise BadParameter(name, "is given more than once")


def search_of(filters: Filters) -> Search:
    """The search that filters ask for."""
    if filters.kind is not None and filters.kind not in semconv.RECORD_KINDS:
        raise BadParameter("kind", f"{filters.kind[:40]!r} is none of {', '.join(semconv.RECORD_KINDS)}")
    for name, score in (("min_score", filters.min_score), ("max_score", filters.max_score)):
        if score is not None and not math.isfinite(score):
            raise BadParameter(name, "is not a finite number")
    start, stop = period_of(filters.from_time, filters.to_time)
    return Search(
        kind=filters.kind,
        subject=filters.subject,
        request_id=None if filters.request_id is None else request_id_of(filters.request_id),
        model=filters.model,
        version=filters.version,
        label=filters.label,
        min_score=filters.min_score,
        max_score=filters.max_score,
        start=start,
        stop=stop,
    )


def period_of(from_time: str | None, to_time: str | None) -> tuple[int | None, int | None]:
    """Half-open unix nanoseconds of two RFC 3339 times or dates, of which either may be missing."""
    return _time("from", from_time), _time("to", to_time)


def request_id_of(text: str) -> bytes:
    """The 16 bytes of a request id, also where it is spelt as the trace id it is, which is how exemplars have it."""
    if _TRACE_ID.fullmatch(text) is not None:
        return bytes.fromhex(text)
    try:
        return parse_uuid(text)
    except ContractError as error:
        raise BadParameter("request_id", str(error)) from error


def _time(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return min(parse_time(text), (1 << 64) - 1)
    except ContractError as error:
        raise BadParameter(name, str(error)) from error
