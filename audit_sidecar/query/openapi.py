# SPDX-License-Identifier: Apache-2.0
"""What Litestar cannot see of the audit API's document: every refusal is a problem, and who needs a token."""

from typing import Any, Final

from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, OpenAPIMediaType, OpenAPIResponse, Operation, SecurityScheme

from contracts.problem import MEDIA_TYPE

_OPEN: Final = frozenset({"/livez", "/readyz", "/startupz", "/metrics"})
_METHODS: Final = ("get", "post")
_TEXT: Final[dict[str, Any]] = {"type": "string"}
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail"],
    "properties": {"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT, "field": _TEXT},
}
_RECEIPT_PATH: Final = "/api/records/{request_id}/receipt"
_RECEIPT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "salt and payload, base64, stand in an open receipt only",
    "required": ["leaf", "proof"],
    "properties": {"leaf": _TEXT, "salt": _TEXT, "payload": _TEXT, "proof": _TEXT},
}


def openapi_config(version: str) -> OpenAPIConfig:
    """The document's frame, as JSON only: a viewer would load code from elsewhere into an auditor's browser."""
    return OpenAPIConfig(
        title="Countersign audit API",
        version=version,
        components=Components(security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}),
        security=[{"token": []}],
        path="/schema",
        render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"])],
    )


def complete(app: Litestar, public_log: bool) -> None:
    """Put the problem into every operation, and free of tokens what is."""
    for path, item in (app.openapi_schema.paths or {}).items():
        for operation in filter(None, (getattr(item, method) for method in _METHODS)):
            _complete(operation, _RECEIPT if path == _RECEIPT_PATH else None)
            if path in _OPEN or (public_log and path.startswith("/log/")):
                operation.security = []


def _complete(operation: Operation, answer: dict[str, Any] | None) -> None:
    # Litestar speaks of a 400 in its own format, which no route answers with.
    answers = {code: answer for code, answer in (operation.responses or {}).items() if code != "400"}
    if answer is not None:
        answers["200"] = _response("Success", "application/json", answer)
    operation.responses = {**answers, "default": _response("Problem", MEDIA_TYPE, _PROBLEM)}


def _response(description: str, media_type: str, schema: Any) -> OpenAPIResponse:
    # Litestar writes schemas that are plain dictionaries out as they are.
    return OpenAPIResponse(description=description, content={media_type: OpenAPIMediaType(schema=schema)})
