# SPDX-License-Identifier: Apache-2.0
"""An audit API over a log, and requests to it."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

from audit_sidecar.query.app import Doors, build_app
from audit_sidecar.query.evidence import Evidence
from audit_sidecar.query.health import Health
from contracts.acknowledgement import Position
from contracts.identifiers import uuid_text
from contracts.otlp import AttributeValue
from contracts.tokens import TokenTable, load_tokens, token_hash
from tests.audit_sidecar.producers import Log, Producer, foreign

Client = TestClient[Litestar]
OURS, OTHER = Producer(1), Producer(2, model="other", release="ef" * 32)
THEIRS = uuid_text(foreign(1).span[2:18])
NOBODY = "0199a3f2-0000-7000-8000-000000000000"


async def unrecorded(kind: str, attributes: Mapping[str, AttributeValue]) -> Position:
    """Access records are a test of their own; here they would only move the log."""
    return Position(0, bytes(32))


@contextmanager
def asking(
    log: Log, tokens: TokenTable | None = None, public_log: bool = False, healthy: Callable[[], bool] = lambda: True
) -> Iterator[Client]:
    """A client of the application; what escapes a route as an unknown error is a 500 as in production."""
    doors = Doors(tokens, unrecorded, public_log)
    app = build_app(Evidence(log.reader), Health(log.reader, healthy), log.metrics.registry, doors, "0.1.0")
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def token_of_each_role(folder: Path) -> TokenTable:
    """Four tokens; the secret of each is its role's name."""
    roles = ("consumer", "producer", "auditor", "operator")
    entries = (
        f'[[token]]\nname = "{role}"\nroles = ["{role}"]\nsha256 = "{token_hash(role).hex()}"\n' for role in roles
    )
    (folder / "tokens.toml").write_text("".join(entries))
    return load_tokens(folder / "tokens.toml")


def problem(client: Client, path: str, status: int, **more: Any) -> dict[str, Any]:
    """The problem document that a GET is answered with."""
    response = client.get(path, **more)
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/problem+json")
    document: dict[str, Any] = json.loads(response.content)
    assert document["status"] == status
    assert document["type"].startswith("urn:countersign:problem:")
    assert document["title"]
    return document


def identity(seq: int, producer: Producer = OURS) -> str:
    """The text of a request id."""
    return uuid_text(producer.request_id(seq))


def erase(log: Log, index: int) -> None:
    """What the eraser does to rows; no program does it yet."""
    log.writer._connection.execute("DELETE FROM payload WHERE leaf_index = ?", (index,))  # type: ignore[attr-defined]  # SQLite's own
