# SPDX-License-Identifier: Apache-2.0
"""One place where refusals become HTTP: every domain error has one problem document, and one status."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from contracts.errors import CountersignError
from contracts.problem import Problem
from service.errors import AnswerWithheld, ConnectionFailed
from service.prediction.rejection import RequestRejected

_RETRY_AFTER: Final = 1
_REJECTIONS: Final[Mapping[str, tuple[int, str]]] = {
    "not-json": (400, "The body is not JSON"),
    "schema": (422, "The request does not fit the model's schema"),
    "personal-data": (422, "The request holds personal data where none may be"),
    "unscorable": (422, "The model gives no score for this request"),
    "header": (422, "A header is malformed"),
}


class RequestRefused(CountersignError):
    """A refusal that the edge itself decided; ``headers`` go with it."""

    def __init__(self, status: int, name: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.name = name
        self.headers = headers or {}


def problem_of(error: Exception, request_id: str) -> Problem:
    """The problem document of any error; what is not known here is an internal error, told without its message."""
    if isinstance(error, RequestRejected):
        status, title = _REJECTIONS[error.kind]
        return Problem(status, error.kind, title, error.detail, request_id, error.field)
    if isinstance(error, AnswerWithheld):
        title = "No evidence, no answer" if error.reason == "refused" else "The answer is withheld"
        return Problem(503, f"evidence-{error.reason}", title, str(error), request_id, retry_after=_RETRY_AFTER)
    if isinstance(error, RequestRefused):
        retry_after = _RETRY_AFTER if error.status == HTTPStatus.SERVICE_UNAVAILABLE else None
        title = HTTPStatus(error.status).phrase
        return Problem(error.status, error.name, title, str(error), request_id, retry_after=retry_after)
    if isinstance(error, ConnectionFailed):
        detail = "the audit API cannot be reached at present"
        return Problem(503, "audit-unavailable", "Service unavailable", detail, request_id, retry_after=_RETRY_AFTER)
    return Problem(500, "internal", "Internal error", "the request broke something in the service", request_id)


def error_type(error: Exception, problem: Problem) -> str:
    """What OpenTelemetry calls ``error.type``: the problem's name, or the class of an error that we do not know."""
    return type(error).__name__ if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR else problem.name
