# SPDX-License-Identifier: Apache-2.0
"""Domain errors become problem details here and nowhere else."""

import logging
import traceback
from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from audit_sidecar.errors import AuditError
from audit_sidecar.fsck.reader import LogUnreadable, MissingFile
from audit_sidecar.query.evidence import BadCursor, NotFound
from audit_sidecar.query.parameters import BadParameter
from audit_sidecar.query.receipts import Erased, NotCovered
from audit_sidecar.tlog.errors import VerificationError
from contracts.errors import CountersignError
from contracts.identifiers import IdSource, uuid_text
from contracts.problem import MEDIA_TYPE, Problem

_log = logging.getLogger(__name__)


def problem_response(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer to any exception that leaves a route."""
    problem = _problem(error)._replace(request_id=uuid_text(IdSource().request_id()))
    headers = dict(problem.headers())
    if isinstance(error, HTTPException) and error.headers:
        headers |= dict(error.headers)
    return Response(problem.body(), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


_ANSWERS: Final[tuple[tuple[tuple[type[Exception], ...], int, str, str], ...]] = (
    ((BadParameter, BadCursor), 422, "parameter", "A parameter is malformed"),
    ((NotFound, MissingFile), 404, "not-found", "There is nothing here"),
    ((Erased,), 410, "erased", "The payload was erased"),
    ((NotCovered, LogUnreadable), 202, "not-covered", "Durable, but not covered by a checkpoint yet"),
    # Rows that do not fit together are a fault of the store; 404 would deny that there ever was such a record.
    ((AuditError, VerificationError), 503, "store", "The store cannot answer"),
    ((CountersignError,), 400, "request", "The request was refused"),
)


def _problem(error: Exception) -> Problem:
    if isinstance(error, HTTPException):
        return _request_problem(error)
    for kinds, status, name, title in _ANSWERS:
        if isinstance(error, kinds):
            retry_after = 1 if status in (202, 503) else None
            return Problem(status, name, title, str(error), field=getattr(error, "name", None), retry_after=retry_after)
    # The message may quote a record, so that only the class and the place are logged.
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"
    _log.error("unexpected %s in the audit API at %s", type(error).__name__, place)
    return Problem(500, "internal", "Something is broken here", f"unexpected {type(error).__name__}")


def _request_problem(error: HTTPException) -> Problem:
    if not isinstance(error, ValidationException):
        return Problem(error.status_code, "request", "The request was refused", error.detail)
    wrong = [part for part in error.extra or () if isinstance(part, dict)]
    if not wrong:
        return Problem(422, "parameter", "A parameter is malformed", error.detail)
    field, message = str(wrong[0].get("key")), str(wrong[0].get("message")).replace("`", "")
    return Problem(422, "parameter", "A parameter is malformed", f"{field}: {message}", field=field)
