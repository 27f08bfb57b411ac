# SPDX-License-Identifier: Apache-2.0
"""Problem documents have the members of RFC 9457 and leave out what is not known."""

import json

from contracts.problem import Problem


def test_whole_document() -> None:
    """Standard members, then ours."""
    problem = Problem(422, "schema", "Title", "detail \u00e9", "id", "$.a", 3)
    assert json.loads(problem.body()) == {
        "type": "urn:countersign:problem:schema", "title": "Title", "status": 422, "detail": "detail \u00e9",
        "request_id": "id", "field": "$.a",
    }  # fmt: skip
    assert problem.headers() == {"Retry-After": "3"}


def test_unknown_parts_are_left_out() -> None:
    """Never null."""
    problem = Problem(404, "not-found", "Title", "detail")
    assert set(json.loads(problem.body())) == {"type", "title", "status", "detail"}
    assert problem.headers() == {}
