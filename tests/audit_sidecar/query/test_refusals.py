# SPDX-License-Identifier: Apache-2.0
"""What the audit API says no to, in which words, and how a damaged store differs from a record that never was."""

import logging
from collections.abc import Iterator, Mapping

import apsw
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from prometheus_client import CollectorRegistry

from audit_sidecar.query.app import Doors, build_app
from audit_sidecar.query.evidence import Evidence
from audit_sidecar.query.health import Health
from audit_sidecar.sequence.export import OwnRecord
from audit_sidecar.stores.url import store_path
from audit_sidecar.tlog.merkle import leaf_hash
from contracts.acknowledgement import Position
from contracts.identifiers import uuid_text
from contracts.leaf import leaf_text
from contracts.otlp import AttributeValue
from tests.audit_sidecar.producers import Log, Producer

PRODUCER = Producer()
ID = uuid_text(PRODUCER.request_id(1))
Client = TestClient[Litestar]


@pytest.fixture
def client(log: Log) -> Iterator[Client]:
    """An audit API without tokens over a log of 600 leaves."""
    log.send(PRODUCER.export(*range(599)))
    log.publish_now()

    async def record(kind: str, attributes: Mapping[str, AttributeValue]) -> Position:
        (position,) = log.send(OwnRecord(kind, attributes))
        return position

    health, doors = Health(log.reader, lambda: True), Doors(None, record)
    with TestClient(
        build_app(Evidence(log.reader), health, CollectorRegistry(), doors, "0.1.0"), raise_server_exceptions=False
    ) as made:
        yield made


@pytest.mark.parametrize(
    ("target", "field", "said"),
    [
        ("/api/records?subjct=ab", "subjct", "there is no such parameter; there are subject, request_id"),
        ("/api/records?kind=end&kind=release", "kind", "is given more than once"),
        ("/api/records?limit=0", "limit", "limit: Expected int >= 1"),
        ("/api/records?limit=many", "limit", "limit: Expected int"),
        ("/api/records?min_score=nan", "min_score", "is not a finite number"),
        ("/api/records?max_score=-inf", "max_score", "is not a finite number"),
        ("/api/records?kind=predictions", "kind", "is none of release, prediction"),
        ("/api/completeness?since=2026-01-01", "since", "there are from, to"),
        (f"/api/records/{ID}?open=no", "open", "there are none"),
        (f"/api/records/{ID}/proof?open=no", "open", "there are none"),
        (f"/api/records/{ID}/receipt?opened=no", "opened", "there are open, caller"),
    ],
)
def test_parameter_that_is_wrong_is_named(client: Client, target: str, field: str, said: str) -> None:
    """A filter that nobody reads would show more than was asked for, so it is refused like a malformed one."""
    answer = client.get(target)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["field"] == field
    assert said in problem["detail"]


def test_damaged_store_is_not_told_as_a_record_that_never_was(client: Client, log: Log) -> None:
    """Hashes that are missing make a proof impossible: 503, for 404 would deny the record."""
    assert client.get(f"/api/records/{ID}/receipt").status_code == 200
    connection = apsw.Connection(str(store_path(log.url)))
    connection.execute("DELETE FROM subtree")
    connection.close()
    for path in ("receipt", "proof"):
        answer = client.get(f"/api/records/{ID}/{path}")
        assert answer.status_code == 503
        assert "are missing" in answer.json()["detail"]
    assert client.post("/api/receipts", json={"request_ids": [ID]}).json() == {"receipts": {ID: {"status": 503}}}


def test_row_that_was_changed_together_with_its_hash_is_not_shown(client: Client, log: Log) -> None:
    """The payload says when it was; a row that says otherwise and hashes well is still not what was acknowledged."""
    (record,) = log.reader.about(PRODUCER.request_id(1))
    forged = record.leaf._replace(time=record.leaf.time + 1)
    connection = apsw.Connection(str(store_path(log.url)))
    connection.execute(
        "UPDATE leaf SET time = time + 1, leaf_hash = ? WHERE leaf_index = ?",
        (leaf_hash(leaf_text(forged)), record.leaf_index),
    )
    connection.close()
    answer = client.get(f"/api/records/{ID}")
    assert answer.status_code == 503
    assert f"leaf {record.leaf_index}" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["0/000.p/0", "64/000", "0/../../api/records", "entries/x000/000", "x"])
def test_what_is_no_path_of_a_tile_is_not_found(client: Client, path: str) -> None:
    """Other spellings of a tile's path are 404, as missing files are."""
    assert client.get(f"/log/tile/{path}").status_code == 404


def test_description_loads_no_foreign_code(client: Client) -> None:
    """OpenAPI is given as JSON alone: an auditor's browser fetches nothing from elsewhere."""
    for path in ("/schema", "/schema/openapi.json"):
        assert client.get(path).json()["info"]["title"] == "Countersign audit API"


def test_unexpected_error_is_logged_without_its_message(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The message of an error that nobody foresaw may quote a record."""

    def broken(_self: Evidence, _request_id: bytes) -> None:
        raise LookupError("subject 3bc33264")

    monkeypatch.setattr(Evidence, "show", broken)
    with caplog.at_level(logging.ERROR):
        answer = client.get(f"/api/records/{ID}")
    assert answer.status_code == 500
    assert "LookupError" in caplog.text
    assert "3bc33264" not in caplog.text + answer.text
