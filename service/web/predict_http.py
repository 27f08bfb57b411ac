# SPDX-License-Identifier: Apache-2.0
"""HTTP of the main port: an ordinary `POST /predict` goes from the parser to its answer, everything else through ASGI.

What is ordinary is said in `contracts.short_http`.
"""

from collections.abc import Mapping
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from contracts.short_http import RawHeaders, ShortRequest, is_short, short_http
from service.web.headers import read_headers
from service.web.predict import SINGLE
from service.web.turns import Turns

_LONGEST_BODY: Final = 16 << 10


def predict_http(http: type[HttpToolsProtocol], turns: Turns, max_body: int) -> type[HttpToolsProtocol]:
    """The protocol class ``http`` with a short way to ``turns``."""
    return short_http(http, SINGLE.encode(), _PredictDoor(turns, min(_LONGEST_BODY, max_body)))


class _PredictDoor:
    """Bodies are so short that the listener's own bounds do for them."""

    def __init__(self, turns: Turns, bound: int) -> None:
        self._bound = bound
        self.take = turns.take

    def read(self, raw: RawHeaders) -> Mapping[bytes, str] | None:
        headers = read_headers(raw)
        return headers if is_short(headers.get(b"content-length"), self._bound) else None

    def grow(self, request: ShortRequest, size: int) -> None:
        """Nothing to count."""

    def leave(self, request: ShortRequest) -> None:
        """Nothing to give back."""
