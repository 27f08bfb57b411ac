# SPDX-License-Identifier: Apache-2.0
"""The audit API as a whole: who may ask, the log as files, probes, metrics, its own description, failures."""

from pathlib import Path

import apsw
import pytest

from audit_sidecar.errors import StoreRefused
from audit_sidecar.fsck.check import check_log
from audit_sidecar.fsck.folder import FolderLog
from audit_sidecar.publish.store_log import StoreLog
from audit_sidecar.query.entry import EvidenceDamaged
from audit_sidecar.query.evidence import Evidence
from audit_sidecar.stores.store import Search
from audit_sidecar.stores.url import store_path
from audit_sidecar.tlog.tiles import entries_path, required_entries, required_tiles, tile_path
from contracts.metrics import SIDECAR_METRICS
from tests.audit_sidecar.evidence_log import SIGNER
from tests.audit_sidecar.producers import Log
from tests.audit_sidecar.query.asking import NOBODY, Client, asking, identity, problem, token_of_each_role


def test_a_store_that_cannot_be_read_is_503(client: Client, filled: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Retry-After; what went wrong is said, and where."""

    def refuse(*_: object) -> None:
        raise StoreRefused("cannot read store /s.db: disk I/O error")

    monkeypatch.setattr(filled.reader, "_rows", refuse)
    for path in ("/api/records", f"/api/records/{identity(3)}", "/api/completeness", "/log/checkpoint"):
        response = client.get(path)
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert "disk I/O" in response.json()["detail"]


def test_an_unexpected_error_says_nothing_of_the_inside(
    client: Client, filled: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 as a problem document, without text that could hold a person's data."""

    def fail(*_: object) -> None:
        raise KeyError("secret of customer 7")

    monkeypatch.setattr(filled.reader, "_rows", fail)
    response = client.get("/api/records")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.json()["type"] == "urn:countersign:problem:internal"


def test_the_log_is_served_as_files(client: Client, filled: Log, tmp_path: Path) -> None:
    """Every file that a log of its size has, immutable, and a checkpoint that is not; together they are sound."""
    log = StoreLog(filled.reader)
    paths = [tile_path(tile.level, tile.index, tile.width) for tile in required_tiles(log.size)]
    paths += [entries_path(bundle.index, bundle.width) for bundle in required_entries(log.size)]
    for path in ("checkpoint", *paths):
        response = client.get(f"/log/{path}")
        assert response.status_code == 200
        assert ("immutable" in response.headers["cache-control"]) is (path != "checkpoint")
        target = tmp_path / "copy" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(response.content)
    assert check_log(FolderLog(tmp_path / "copy"), [SIGNER.verifier]).checkpoint.size == 16


@pytest.mark.parametrize(
    "path",
    ["tile/0/000", "tile/0/000.p/17", "tile/0/000.p/016", "tile/0/0.p/16", "tile/00/000.p/16", "tile/1/000.p/1",
     "tile/64/000", "tile/0/x001/000", "tile/0/x000/000.p/16", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.P/16",
     "tile/entries/000", "tile/entries/000.p/17", "tile/0/000.p/16/", "tile//0/000.p/16", "tile/0//000.p/16", "tile/",
     "tile/data/000", "tile/0/%2e%2e/000", "tile/0/..%2f000", "tile/0/000.p/%31%36x", "tile/-1/000", "tile/0/٠٠٠",
     "tile/0/999", "tile/0/x999/x999/x999/x999/x999/x999/999", "nothing"],
)  # fmt: skip
def test_no_other_path_is_a_file_of_the_log(client: Client, path: str) -> None:
    """Neither other spellings nor files that no checkpoint covers."""
    assert client.get(f"/log/{path}").status_code == 404


PROTECTED = [
    "/api/records",
    *(f"/api/records/{identity(3)}{path}" for path in ("", "/proof", "/receipt")),
    "/api/completeness",
    "/log/checkpoint",
    "/log/tile/0/000.p/16",
]


@pytest.mark.parametrize("path", PROTECTED)
def test_roles_decide(filled: Log, tmp_path: Path, path: str) -> None:
    """401 without a valid token, 403 with any other role, 200 for the auditor."""
    with asking(filled, token_of_each_role(tmp_path)) as client:
        for header in ({}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic auditor"}):
            response = client.get(path, headers=header)
            assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
        for role in ("consumer", "producer", "operator"):
            problem(client, path, 403, headers={"Authorization": f"Bearer {role}"})
        assert client.get(path, headers={"Authorization": "Bearer auditor"}).status_code == 200
        assert client.post("/api/receipts", json={"request_ids": [NOBODY]}).status_code == 401


def test_probes_metrics_and_description_are_open(filled: Log, tmp_path: Path) -> None:
    """And the log when it is public, but nothing else."""
    with asking(filled, token_of_each_role(tmp_path), public_log=True) as client:
        for path in ("/livez", "/readyz", "/startupz", "/metrics", "/schema/openapi.json", "/log/checkpoint",
                     "/log/tile/0/000.p/16"):  # fmt: skip
            assert client.get(path).status_code == 200
        assert client.get("/api/records").status_code == 401


def test_readiness_follows_the_last_commit(filled: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 while commits fail or the store does not answer; liveness never asks."""
    healthy = [True]
    with asking(filled, healthy=lambda: healthy[0]) as client:
        assert client.get("/readyz").status_code == 200
        healthy[0] = False
        assert (client.get("/readyz").status_code, client.get("/livez").status_code) == (503, 200)

    def refuse(*_: object) -> None:
        raise StoreRefused("gone")

    monkeypatch.setattr(filled.reader, "_rows", refuse)
    with asking(filled) as client:
        assert (client.get("/readyz").status_code, client.get("/livez").status_code) == (503, 200)


def test_the_api_describes_itself(client: Client) -> None:
    """Every route of the contract stands in the OpenAPI document, with its parameters by their names."""
    document = client.get("/schema/openapi.json").json()
    assert set(document["paths"]) >= {
        "/api/records", "/api/records/{request_id}", "/api/records/{request_id}/proof",
        "/api/records/{request_id}/receipt", "/api/receipts", "/api/completeness", "/log/checkpoint", "/livez",
        "/readyz", "/startupz", "/metrics",
    }  # fmt: skip
    parameters = {parameter["name"] for parameter in document["paths"]["/api/records"]["get"]["parameters"]}
    assert parameters == {
        "subject", "request_id", "model", "version", "label", "kind", "from", "to", "min_score", "max_score", "limit",
        "cursor",
    }  # fmt: skip


def test_a_record_that_is_not_what_was_acknowledged_is_counted(filled: Log) -> None:
    """A reader who was refused a damaged record leaves a number that can be alerted on."""
    counted: list[int] = []
    store = apsw.Connection(str(store_path(filled.url)))
    store.execute("UPDATE payload SET salt = zeroblob(32)")
    store.close()
    evidence = Evidence(filled.reader, lambda: counted.append(1))
    with pytest.raises(EvidenceDamaged):
        evidence.search(Search(), 10)
    assert counted == [1]


def test_metrics_are_the_published_ones(filled: Log, client: Client, tmp_path: Path) -> None:
    """No series more or less, in the format that the scraper asks for."""
    filled.metrics.watch_store(tmp_path / "store.db")
    for transport in ("unix", "http"):
        filled.metrics.received.labels(transport)
    filled.metrics.rejected.labels("refused")
    classic = client.get("/metrics")
    assert classic.headers["content-type"].startswith("text/plain")
    families = {line.split()[2] for line in classic.text.splitlines() if line.startswith("# TYPE")}
    assert {name for name in families if not name.endswith("_created")} == set(SIDECAR_METRICS)
    modern = client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert modern.headers["content-type"].startswith("application/openmetrics-text")
    assert modern.text.endswith("# EOF\n")
    values = {line.split()[0]: float(line.split()[1]) for line in classic.text.splitlines() if not line.startswith("#")}
    assert values["countersign_audit_tree_size"] == values["countersign_audit_checkpoint_size"] == 16
    assert values["countersign_audit_store_bytes"] > 10_000
    assert values["countersign_audit_disk_free_bytes"] > 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/records", 405),
        ("GET", "/api/receipts", 405),
        ("GET", "/nothing", 404),
        ("DELETE", "/log/checkpoint", 405),
    ],
)
def test_other_methods_and_routes_are_problems(client: Client, method: str, path: str, status: int) -> None:
    """As problem documents too."""
    response = client.request(method, path)
    assert response.status_code == status
    assert response.headers["content-type"].startswith("application/problem+json")
    assert response.json()["status"] == status
