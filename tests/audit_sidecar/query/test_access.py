# SPDX-License-Identifier: Apache-2.0
"""Whoever reads evidence leaves a record of it, durable before anything is shown; nothing else leaves one."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from prometheus_client import CollectorRegistry

from audit_sidecar.errors import Pushback
from audit_sidecar.query.access import MAX_QUERY
from audit_sidecar.query.app import Doors, build_app
from audit_sidecar.query.entry import entry_of
from audit_sidecar.query.evidence import Evidence
from audit_sidecar.query.health import Health
from audit_sidecar.sequence.export import OwnRecord
from contracts import semconv
from contracts.acknowledgement import Position
from contracts.identifiers import uuid_text
from contracts.otlp import AttributeValue
from contracts.tokens import load_tokens
from tests.audit_sidecar.producers import Log, Producer

PRODUCER = Producer()
ID = uuid_text(PRODUCER.request_id(1))
AUDITOR = {"Authorization": "Bearer auditor"}
Client = TestClient[Litestar]


@pytest.fixture
def client(log: Log, tmp_path: Path) -> Iterator[Client]:
    """An audit API over a log with one prediction, whose access records go into that log."""
    tokens = tmp_path / "tokens.toml"
    tokens.write_text(
        "".join(
            f'[[token]]\nname = "{role}"\nroles = ["{role}"]\nsha256 = "{hashlib.sha256(role.encode()).hexdigest()}"\n'
            for role in ("auditor", "consumer")
        )
    )
    log.send(PRODUCER.export(0, 1))
    log.publish_now()

    async def record(kind: str, attributes: Mapping[str, AttributeValue]) -> Position:
        (position,) = log.send(OwnRecord(kind, attributes))
        return position

    health, doors = Health(log.reader, lambda: True), Doors(load_tokens(tokens), record)
    with TestClient(build_app(Evidence(log.reader), health, CollectorRegistry(), doors, "0.1.0")) as made:
        yield made


def _accesses(log: Log) -> list[Mapping[str, AttributeValue]]:
    """What every access record says."""
    entries = [entry_of(record) for record in log.records() if record.leaf.kind == "access"]
    return [{semconv.CALLER: entry.caller or "", **(entry.attributes or {})} for entry in entries]


@pytest.mark.parametrize(
    "target",
    [
        "/api/records?subject=" + "ab" * 16 + "&limit=5",
        f"/api/records/{ID}",
        f"/api/records/{ID}/proof",
        "/api/completeness",
    ],
)
def test_reading_evidence_is_recorded(client: Client, log: Log, target: str) -> None:
    """One record per request: who, in which role, asked what; and the log stays sound."""
    assert client.get(target, headers=AUDITOR).status_code == 200
    assert _accesses(log) == [{semconv.CALLER: "auditor", semconv.ROLE: "auditor", semconv.QUERY: f"GET {target}"}]
    log.check()


@pytest.mark.parametrize(
    ("target", "recorded"),
    [
        ("/api/records?subject=jane@example.com", "GET /api/records?subject=…"),
        ("/api/records?subject=jane", "GET /api/records?subject=…"),
        ("/api/records?jane=1", "GET /api/records?…"),
        ("/api/records?label=call%20jane%20doe", "GET /api/records?label=…"),
        ("/api/records/Jane.Doe", "GET /api/records/…"),
    ],
)
def test_what_was_typed_by_mistake_is_not_recorded(client: Client, log: Log, target: str, recorded: str) -> None:
    """An access record outlives every erasure, so it holds filters of ours and nothing else."""
    client.get(target, headers=AUDITOR)
    assert [said[semconv.QUERY] for said in _accesses(log)] == [recorded]


@pytest.mark.parametrize(
    "target",
    [
        f"/api/records/{ID}/receipt",
        "/log/checkpoint",
        "/metrics",
        "/livez",
        "/readyz",
        "/startupz",
        "/schema/openapi.json",
    ],
)
def test_what_shows_no_person_is_not_recorded(client: Client, log: Log, target: str) -> None:
    """Receipts, the log, probes, metrics and OpenAPI leave nothing."""
    assert client.get(target, headers=AUDITOR).status_code == 200
    assert client.post("/api/receipts", json={"request_ids": [ID]}, headers=AUDITOR).status_code == 200
    assert _accesses(log) == []


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("guessed", 401), ("consumer", 403)])
def test_who_is_turned_away_writes_nothing(client: Client, log: Log, token: str | None, status: int) -> None:
    """A stranger cannot fill the log through the audit API, nor name anybody in it."""
    headers = {semconv.ON_BEHALF_HEADER: "mallory"} | ({} if token is None else {"Authorization": f"Bearer {token}"})
    assert client.get("/api/records", headers=headers).status_code == status
    assert _accesses(log) == []


def test_the_end_caller_is_named(client: Client, log: Log) -> None:
    """A service that asks for somebody says for whom, whatever letters the name has."""
    headers = AUDITOR | {semconv.ON_BEHALF_HEADER: "J%C3%B6rg%20%26%20Co"}
    assert client.get("/api/records", headers=headers).status_code == 200
    assert _accesses(log)[0][semconv.ON_BEHALF_OF] == "Jörg & Co"


@pytest.mark.parametrize("name", ["", "a" * 129, "a%0Ab"])
def test_a_name_no_record_can_carry_is_refused(client: Client, log: Log, name: str) -> None:
    """400, and nothing is shown."""
    reply = client.get("/api/records", headers=AUDITOR | {semconv.ON_BEHALF_HEADER: name})
    assert (reply.status_code, "entries" in reply.json()) == (400, False)
    assert _accesses(log) == []


def test_a_question_too_long_to_record_is_refused(client: Client, log: Log) -> None:
    """A record that left part of the question out would not say what was asked."""
    reply = client.get("/api/records?subject=" + "a" * MAX_QUERY, headers=AUDITOR)
    assert reply.status_code == 414
    assert _accesses(log) == []


def test_a_question_that_is_refused_is_recorded_too(client: Client, log: Log) -> None:
    """Trying is part of the story."""
    assert client.get("/api/records?from=yesterday", headers=AUDITOR).status_code == 422
    assert _accesses(log)[0][semconv.QUERY] == "GET /api/records?from=yesterday"


def test_without_a_durable_record_nothing_is_shown(log: Log) -> None:
    """A store that takes no record answers 503 with Retry-After and not one entry."""

    async def full(kind: str, attributes: Mapping[str, AttributeValue]) -> Position:
        raise Pushback("the disk is full")

    log.send(PRODUCER.export(0, 1))
    health, doors = Health(log.reader, lambda: True), Doors(None, full)
    with TestClient(build_app(Evidence(log.reader), health, CollectorRegistry(), doors, "0.1.0")) as client:
        reply = client.get(f"/api/records/{ID}")
        assert client.get("/livez").status_code == 200
    assert reply.status_code == 503
    assert reply.headers["retry-after"] == "1"
    assert "features" not in reply.text
