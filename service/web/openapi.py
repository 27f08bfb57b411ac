# SPDX-License-Identifier: Apache-2.0
"""OpenAPI of handlers that work on bytes: the schemas are those of the Structs that really decode the requests."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Reference,
    RequestBody,
    SecurityScheme,
)
from msgspec import Meta, Struct

from contracts.model_card import ModelCard
from contracts.problem import MEDIA_TYPE
from contracts.review import WARNING_HEADER
from service.model.reasons import Reason
from service.prediction.schema import RequestSchema
from service.web.receipts import ReceiptsRequest

_REFERENCE: Final = "#/components/schemas/{name}"


class Evidence(Struct, frozen=True):
    """Where the record of an answer stands."""

    log: Annotated[str, Meta(description="origin of the log")]
    index: Annotated[int, Meta(ge=0, description="index of the leaf")]
    leaf_hash: Annotated[str, Meta(description="RFC 6962 leaf hash, hex")]


class ProblemDocument(Struct, frozen=True):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    field: str | None = None


def answer_types(card: ModelCard) -> tuple[type[Struct], type[Struct]]:
    """The Structs of an answer and of a batch's answer; they describe, the writer writes."""
    names = {"s": card.subject_field, "score": card.output.score_field, "label": card.output.label_field}
    single = msgspec.defstruct(
        "PredictAnswer",
        [
            ("s", str),
            ("score", Annotated[float, Meta(ge=0, le=1)]),
            ("label", Literal[card.output.labels]),
            ("model_version", str),
            ("request_id", Annotated[str, Meta(description="UUIDv7, also the trace id")]),
            ("timestamp", Annotated[str, Meta(description="RFC 3339, UTC")]),
            ("evidence", Evidence),
            ("reasons", list[Reason], msgspec.UNSET),
        ],
        rename=names,
    )
    return single, msgspec.defstruct("BatchAnswer", [("predictions", list[single])])  # type: ignore[valid-type]


def openapi_config(card: ModelCard, version: str) -> OpenAPIConfig:
    """The document's frame, as JSON only: a viewer would load code from elsewhere."""
    return OpenAPIConfig(
        title=f"{card.name or card.model_id}, served by Countersign",
        version=version,
        description=card.description,
        components=Components(security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}),
        security=[{"token": []}],
        path="/schema",
        render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"])],
    )


def add_schemas(app: Litestar, card: ModelCard, schema: RequestSchema) -> None:
    """Put in every schema that `documented` refers to; Litestar drops what the frame says of schemas."""
    types = (schema.single, schema.batch, *answer_types(card), ReceiptsRequest, ProblemDocument)
    _, schemas = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    app.openapi_schema.components.schemas = _verbatim(schemas)


def documented(
    summary: str, request: str | None, answer: str | None, needs_token: bool = True, predicts: bool = False
) -> type[Operation]:
    """The Operation of one route; ``request`` and ``answer`` are names of schemas."""

    @dataclass
    class Documented(Operation):
        def __post_init__(self) -> None:
            self.summary = summary
            if not needs_token:
                self.security = []
            if request is not None:
                self.request_body = RequestBody(content={"application/json": _media(request)}, required=True)
            content = None if answer is None else {"application/json": _media(answer)}
            problem = OpenAPIResponse(description="Problem", content={MEDIA_TYPE: _media("ProblemDocument")})
            success = OpenAPIResponse(description="Success", content=content, headers=_warning() if predicts else None)
            self.responses = {"200": success, "default": problem}

    return Documented


def _warning() -> dict[str, OpenAPIHeader | Reference]:
    about = "An RFC 9651 item: the answer is right, but its model card is not in order, as in card-review-overdue"
    return {WARNING_HEADER: OpenAPIHeader(description=about, schema=_verbatim({"type": "string"}))}


def _media(name: str) -> OpenAPIMediaType:
    return OpenAPIMediaType(schema=_verbatim({"$ref": _REFERENCE.format(name=name)}))


def _verbatim(schema: dict[str, Any]) -> Any:
    # Litestar writes plain dictionaries out as they are, which keeps msgspec's JSON Schema exact.
    return schema
