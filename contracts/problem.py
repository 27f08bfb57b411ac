# SPDX-License-Identifier: Apache-2.0
"""Problem details (RFC 9457): the one shape of a refusal in every HTTP API but OTLP's and /v2's."""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

MEDIA_TYPE: Final = "application/problem+json"
_TYPE_PREFIX: Final = "urn:countersign:problem:"


class Problem(NamedTuple):
    """One refusal. ``name`` is the stable part of the type URN; ``field`` a path such as ``$.tenure_months``."""

    status: int
    name: str
    title: str
    detail: str
    request_id: str | None = None
    field: str | None = None
    retry_after: int | None = None

    @property
    def type(self) -> str:
        """The type URN, stable across versions."""
        return _TYPE_PREFIX + self.name

    def body(self) -> bytes:
        """The JSON document."""
        members = {
            "type": self.type,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "request_id": self.request_id,
            "field": self.field,
        }
        return json.dumps({name: value for name, value in members.items() if value is not None}).encode()

    def headers(self) -> Mapping[str, str]:
        """``Retry-After`` (whole seconds) where a retry makes sense."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
