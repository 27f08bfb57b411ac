# SPDX-License-Identifier: Apache-2.0
"""Domain errors become problem details here and nowhere else."""

import logging
from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from audit_sidecar.errors import AuditError
from audit_sidecar.fsck.reader import LogUnreadable, MissingFile
from audit_sidecar.query.evidence import BadCursor, NotFound
from audit_sidecar.query.parameters import BadParameter
from audit_sidecar.query.receipts import Erased, NotCovered
from audit_sidecar.tlog.errors import Malformed
from contracts.errors import CountersignError
from contracts.problem import MEDIA_TYPE, Problem

_log = logging.getLogger(__name__)


def problem_response(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer to any exception that leaves a route."""
    problem = _problem(error)
    headers = dict(problem.headers())
    if isinstance(error, HTTPException) and error.headers:
        headers |= dict(error.headers)
    return Response(problem.body(), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


_ANSWERS: Final[tuple[tuple[tuple[type[Exception], ...], int, str, str], ...]] = (
    ((BadParameter, BadCursor), 422, "parameter", "A parameter is malformed"),
    ((NotFound, MissingFile, Malformed), 404, "not-found", "There is nothing here"),
    ((Erased,), 410, "erased", "The payload was erased"),
    ((NotCovered, LogUnreadable), 202, "not-covered", "Durable, but not covered by a checkpoint yet"),
    ((AuditError,), 503, "store", "The store cannot answer"),
    ((CountersignError,), 400, "request", "The request was refused"),
)


def _problem(error: Exception) -> Problem:
    if isinstance(error, HTTPException):
        return _request_problem(error)
    for kinds, status, name, title in _ANSWERS:
        if isinstance(error, kinds):
            retry_after = 1 if status in (202, 503) else None
            return Problem(status, name, title, str(error), field=getattr(error, "name", None), retry_after=retry_after)
    _log.error("unexpected %s in the audit API", type(error).__name__, exc_info=error)
    return Problem(500, "internal", "Something is broken here", f"unexpected {type(error).__name__}")


def _request_problem(error: HTTPException) -> Problem:
    if not isinstance(error, ValidationException):
        return Problem(error.status_code, "request", "The request was refused", error.detail)
    fields = [str(part.get("key")) for part in error.extra or () if isinstance(part, dict)]
    return Problem(422, "parameter", "A parameter is malformed", error.detail, field=fields[0] if fields else None)
