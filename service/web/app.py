# SPDX-License-Identifier: Apache-2.0
"""The service as one Litestar application: routes, roles, problem documents, OpenAPI at `/schema`."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from litestar import Litestar, Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath
from litestar.types import ASGIApp, ControllerRouterHandler

from contracts.bundle import Bundle
from contracts.identifiers import IdSource, uuid_text
from contracts.problem import MEDIA_TYPE, Problem
from contracts.tokens import Caller
from service.audit_client import AuditClient
from service.evidence.exporter import Exporter
from service.metrics import ServiceMetrics
from service.prediction.predictor import Predictor
from service.review import Review
from service.telemetry.exchange import exchange_of
from service.telemetry.lane import Lane
from service.web.audit_log import AuditLogRoute
from service.web.body import read_body
from service.web.card import CardRoutes
from service.web.door import Door
from service.web.headers import read_headers, require_json
from service.web.health import HealthRoutes
from service.web.observed import Observed
from service.web.openapi import add_schemas, documented, openapi_config
from service.web.predict import PredictRoutes
from service.web.problems import RequestRefused, error_type, problem_of
from service.web.receipts import ReceiptRoutes
from service.web.reply import Reply
from service.web.traced import Traced
from service.web.turns import Turns

_LOG: Final = logging.getLogger("countersign.service")
_Asked = Request[Any, Any, Any]


class Parts(NamedTuple):
    """What the application is composed of; ``max_body`` in bytes, ``audit`` and ``telemetry`` None without."""

    bundle: Bundle
    predictor: Predictor
    exporter: Exporter
    review: Review
    metrics: ServiceMetrics
    door: Door
    audit: AuditClient | None
    max_body: int
    version: str
    telemetry: Lane | None = None


class MainPort(NamedTuple):
    """What answers on the main port; ``turns``, if any, takes ordinary predictions past the application."""

    app: ASGIApp
    turns: Turns | None


def build_app(parts: Parts) -> ASGIApp:
    """The application of the main port."""
    return build_main_port(parts).app


def build_main_port(parts: Parts) -> MainPort:
    """The application of the main port, and the short way around it."""
    card = parts.bundle.card
    predict = PredictRoutes(parts.predictor, parts.exporter, parts.review, parts.door, parts.metrics, parts.max_body)
    app = Litestar(
        route_handlers=[
            *_predict_routes(predict),
            *_receipt_routes(parts),
            *_governance_routes(parts),
            *_open_routes(parts),
        ],
        exception_handlers={Exception: _problem_response},
        openapi_config=openapi_config(card, parts.version),
        logging_config=None,
        debug=False,
    )
    add_schemas(app, card, parts.predictor.schema)
    observed = Observed(app, parts.metrics, {"/predict": predict.single, "/predict/batch": predict.batch})
    if parts.telemetry is not None:
        # A telemetry span is about the whole exchange, which only the application sees.
        return MainPort(Traced(observed, parts.telemetry), None)
    return MainPort(observed, Turns(predict, parts.predictor, parts.metrics))


def build_metrics_app(parts: Parts) -> ASGIApp:
    """The application of the metrics port: `/metrics` and `/healthz`, and no way to a prediction."""
    return Litestar(
        route_handlers=_open_routes(parts),
        exception_handlers={Exception: _problem_response},
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


def _predict_routes(routes: PredictRoutes) -> list[ControllerRouterHandler]:
    single = documented(
        "Predict; the answer leaves when its evidence is durable", "PredictRequest", "PredictAnswer", predicts=True
    )
    batch = documented("Predict up to 10,000 rows, all or nothing", "BatchRequest", "BatchAnswer", predicts=True)

    @post("/predict", operation_class=single)
    async def predict(request: _Asked) -> ASGIApp:
        return await routes.single(request.scope, request.receive)

    @post("/predict/batch", operation_class=batch)
    async def predict_batch(request: _Asked) -> ASGIApp:
        return await routes.batch(request.scope, request.receive)

    return [predict, predict_batch]


def _receipt_routes(parts: Parts) -> list[ControllerRouterHandler]:
    routes = ReceiptRoutes(parts.audit)

    @get(
        "/predict/{request_id:str}/receipt", operation_class=documented("Own evidence, verifiable offline", None, None)
    )
    async def receipt(request: _Asked, request_id: FromPath[str]) -> ASGIApp:
        caller = _caller(parts.door, request, "consumer")
        return await routes.one(request_id, caller, request.query_params.get("open"))

    @post("/receipts", operation_class=documented("Several receipts at once", "ReceiptsRequest", None))
    async def receipts(request: _Asked) -> ASGIApp:
        caller = _caller(parts.door, request, "consumer")
        headers = read_headers(request.scope["headers"])
        require_json(headers)
        body = await read_body(request.receive, headers.get(b"content-length"), parts.max_body)
        return await routes.many(body, caller)

    return [receipt, receipts]


def _governance_routes(parts: Parts) -> list[ControllerRouterHandler]:
    cards = CardRoutes(parts.bundle)
    audit_log = AuditLogRoute(parts.bundle.card, parts.audit)

    @get("/governance/model-card", operation_class=documented("The model card", None, None))
    async def model_card(request: _Asked) -> ASGIApp:
        _caller(parts.door, request, "consumer")
        return cards.card(request.query_params.get("format"))

    @get("/governance/audit-log", operation_class=documented("Entries of the log, newest first", None, None))
    async def entries(request: _Asked) -> ASGIApp:
        caller = _caller(parts.door, request, "auditor")
        query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        return await audit_log.entries(query, caller)

    return [model_card, entries]


def _open_routes(parts: Parts) -> list[ControllerRouterHandler]:
    health = HealthRoutes(parts.bundle.card, parts.exporter, parts.review)

    @get("/healthz", operation_class=documented("The process lives", None, None, needs_token=False))
    async def healthz() -> ASGIApp:
        return health.alive()

    @get("/ready", operation_class=documented("Evidence gets through", None, None, needs_token=False))
    async def ready() -> ASGIApp:
        return health.ready()

    @get(
        "/metrics",
        operation_class=documented("Prometheus metrics; OpenMetrics with exemplars", None, None, needs_token=False),
    )
    async def metrics(request: _Asked) -> ASGIApp:
        body, media_type = parts.metrics.exposition(request.headers.get("accept", ""))
        return Reply(200, body, {"Content-Type": media_type})

    return [healthz, ready, metrics]


def _caller(door: Door, request: _Asked, role: str) -> Caller:
    return door.admit(request.headers.get("authorization"), role)


def _problem_response(request: _Asked, error: Exception) -> Response[bytes]:
    exchange = exchange_of(request.scope)
    request_id = uuid_text(IdSource().request_id() if exchange is None else exchange.request_id)
    headers: Mapping[str, str] = {}
    if isinstance(error, HTTPException):
        phrase = HTTPStatus(error.status_code).phrase
        name = phrase.lower().replace(" ", "-")
        problem = Problem(error.status_code, name, phrase, error.detail or phrase, request_id)
        headers = error.headers or {}
    else:
        problem = problem_of(error, request_id)
        if isinstance(error, RequestRefused):
            headers = error.headers
        if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            _LOG.error("request %s broke: %s", request_id, type(error).__name__)
    if exchange is not None:
        exchange.error_type = error_type(error, problem)
    return Response(
        problem.body(), status_code=problem.status, media_type=MEDIA_TYPE, headers={**problem.headers(), **headers}
    )
