# SPDX-License-Identifier: Apache-2.0
"""HTTP of the main port: an ordinary `POST /predict` goes from the parser to its answer, everything else through ASGI.

What is ordinary is said in `contracts.short_http`.
"""

from collections.abc import Mapping
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from contracts.short_http import RawHeaders, is_short, short_http
from service.web.headers import read_headers
from service.web.predict import SINGLE
from service.web.turns import Turns

_LONGEST_BODY: Final = 16 << 10


def predict_http(http: type[HttpToolsProtocol], turns: Turns, max_body: int) -> type[HttpToolsProtocol]:
    """The protocol class ``http`` with a short way to ``turns``."""
    bound = min(_LONGEST_BODY, max_body)

    def read(raw: RawHeaders) -> Mapping[bytes, str] | None:
        headers = read_headers(raw)
        return headers if is_short(headers.get(b"content-length"), bound) else None

    return short_http(http, SINGLE.encode(), read, turns.take)
