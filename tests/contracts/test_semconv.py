# SPDX-License-Identifier: Apache-2.0
"""Names of attributes and kinds: published once, never reused, never reordered."""

import re
from typing import Any

from contracts import semconv

NAMES: dict[str, Any] = {name: value for name, value in vars(semconv).items() if name.isupper()}
ATTRIBUTES = {name: value for name, value in NAMES.items() if isinstance(value, str) and "." in value}


def test_no_attribute_name_is_used_twice() -> None:
    """Two constants with one value would overwrite each other in a span."""
    assert len(set(ATTRIBUTES.values())) == len(ATTRIBUTES) > 30


def test_attribute_names_are_ours_or_opentelemetrys() -> None:
    """Lower case with dots; what is not under our prefix is a name that OpenTelemetry defines."""
    theirs = {value for value in ATTRIBUTES.values() if not value.startswith("countersign.")}
    assert all(re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", value) for value in ATTRIBUTES.values())
    assert theirs == {
        "service.name", "service.version", "service.instance.id", "error.type", "http.route",
        "http.response.status_code", "http.request.method", "url.scheme",
        "k8s.pod.name", "k8s.node.name", "k8s.namespace.name",
    }  # fmt: skip


def test_kinds_keep_their_numbers() -> None:
    """Stores keep positions in this list: it may only ever grow at its end."""
    assert semconv.RECORD_KINDS[:17] == (
        "release", "prediction", "reject", "error", "withheld", "override", "erasure", "gap", "access", "heartbeat",
        "stop", "resume", "key", "origin", "notice", "end", "span",
    )  # fmt: skip
    assert len(set(semconv.RECORD_KINDS)) == len(semconv.RECORD_KINDS)
    assert set(semconv.RECORD_KINDS) >= semconv.REQUEST_KINDS


def test_the_acknowledgement_header_is_spelled_as_asgi_gives_it() -> None:
    """Headers arrive in lower case."""
    assert semconv.ACK_HEADER.lower() == semconv.ACK_HEADER
