# SPDX-License-Identifier: Apache-2.0
"""Every route of the audit API: what it gives, what it refuses, and in which words."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit_sidecar.errors import StoreRefused
from audit_sidecar.fsck.check import check_log
from audit_sidecar.fsck.folder import FolderLog
from audit_sidecar.publish.store_log import StoreLog
from audit_sidecar.query.evidence import _write_cursor
from audit_sidecar.tlog.proof import parse_proof
from audit_sidecar.tlog.tiles import entries_path, required_entries, required_tiles, tile_path
from audit_sidecar.verification import Outcome, verify_receipt
from contracts import semconv
from contracts.identifiers import uuid_text
from contracts.metrics import SIDECAR_METRICS
from contracts.receipt import parse_receipt
from contracts.timestamps import format_time
from tests.audit_sidecar.evidence_log import SIGNER
from tests.audit_sidecar.producers import SECOND, START, Attributes, Log, Producer, foreign, stranger
from tests.audit_sidecar.query.asking import Client, asking, problem, token_of_each_role

OURS, OTHER = Producer(1), Producer(2, model="other", release="ef" * 32)
THEIRS = uuid_text(foreign(1).span[2:18])
NOBODY = "0199a3f2-0000-7000-8000-000000000000"


def identity(seq: int, producer: Producer = OURS) -> str:
    """The text of a request id."""
    return uuid_text(producer.request_id(seq))


@pytest.fixture
def filled(log: Log) -> Log:
    """Release of the sidecar; ten of one producer, four of another, a withheld one, a stranger; then a checkpoint."""
    log.send(OURS.export(*range(10)))
    log.send(OTHER.export(0, 1, 2))
    about: Attributes = {semconv.TARGET_ID: identity(4), semconv.REASON: "deadline"}
    log.send(OURS.send(OURS.record(10, "withheld", about)))
    log.send(stranger(foreign(1, "theirs")))
    log.publish_now()
    return log


@pytest.fixture
def client(filled: Log) -> Iterator[Client]:
    """The API over it, on loopback without tokens."""
    with asking(filled) as made:
        yield made


def indexes(client: Client, query: str) -> list[int]:
    """What a search finds, all pages of two put together; the total is said on every page."""
    found: list[int] = []
    cursor = ""
    while True:
        page = client.get(f"/api/records?limit=2{query}{cursor}").json()
        found += [entry["index"] for entry in page["entries"]]
        if page["next"] is None:
            assert page["total"] == len(found)
            return found
        assert len(page["entries"]) == 2
        cursor = f"&cursor={page['next']}"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", range(15, -1, -1)),
        ("&kind=release", [11, 1, 0]),
        ("&kind=span", [15]),
        ("&kind=prediction&model=other", [13, 12]),
        ("&version=1.0.0&kind=prediction", range(10, 1, -1)),
        (f"&subject={3:032x}", [9, 4]),
        ("&label=retain", [10, 7, 4]),
        ("&min_score=0.7", [10, 9, 8]),
        ("&max_score=0.1&kind=prediction", [12, 2]),
        ("&min_score=0.3&max_score=0.3", [4]),
        (f"&request_id={identity(4)}", [14, 5]),
        (f"&request_id={NOBODY}", []),
        (f"&from={format_time(START + 8 * SECOND)}&model=telecom-churn", [14, 10, 9]),
        (f"&to={format_time(START + 2 * SECOND)}&model=telecom-churn", [2, 1]),
        (f"&from={format_time(START + SECOND)}&to={format_time(START + 2 * SECOND)}", [12, 2]),
        ("&from=1999-01-01&to=2000-01-01", []),
        ("&from=9999-01-01", []),
        ("&to=9999-12-31T23:59:59Z", range(15, -1, -1)),
        ("&kind=prediction&label=churn&min_score=0.8&model=telecom-churn", [9]),
        ("&label=%27%20OR%201%3D1%20--", []),
    ],
)
def test_a_search_finds_what_all_its_filters_hold_for(client: Client, query: str, found: list[int]) -> None:
    """Newest first, page by page, with one total."""
    assert indexes(client, query) == [*found]


def test_an_entry_says_what_the_record_says(client: Client) -> None:
    """Every field decoded from the payload; what a kind does not have is left out."""
    (entry,) = client.get(f"/api/records?kind=prediction&request_id={identity(3)}").json()["entries"]
    digest = entry.pop("leaf_hash")
    assert len(digest) == 64
    assert entry == {
        "index": 4, "kind": "prediction", "time": format_time(START + 3 * SECOND), "erased": False,
        "trace": OURS.request_id(3).hex(), "request_id": identity(3), "stream": uuid_text(OURS.stream), "seq": 3,
        "release": "cd" * 32, "model_id": "telecom-churn", "model_version": "1.0.0", "caller": "shop",
        "subject": f"{3:032x}", "features": {"tenure_months": 3}, "answer": {"prediction": "churn"},
        "label": "retain", "score": 0.3, "status": 200,
    }  # fmt: skip
    (theirs,) = client.get("/api/records?kind=span").json()["entries"]
    assert theirs["attributes"] == {"text": "theirs"}
    assert set(theirs) == {"index", "kind", "time", "leaf_hash", "trace", "erased", "attributes"}


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("kind=guess", "kind"), ("request_id=x", "request_id"), (f"request_id={NOBODY.upper()}", "request_id"),
        ("from=yesterday", "from"), ("to=2026-02-30", "to"), ("min_score=much", "min_score"), ("limit=0", "limit"),
        ("limit=1001", "limit"), ("limit=-1", "limit"), ("limit=x", "limit"), ("max_score=", "max_score"),
    ],
)  # fmt: skip
def test_a_malformed_parameter_is_named(client: Client, query: str, name: str) -> None:
    """422 with the parameter's name; nothing is silently left out of a search."""
    document = problem(client, f"/api/records?{query}", 422)
    assert document["field"] == name
    assert document["type"] == "urn:countersign:problem:parameter"


@pytest.mark.parametrize(
    "cursor",
    ["x", "AAAAAAAAAA", "AAAAAAAAAAAAAAA", "%00", "é", "AAAAAAAAAAA=", "AAAAAAAAAA_", "__________8", "f_________8%0A",
     "gAAAAAAAAAA"],
)  # fmt: skip
def test_a_cursor_that_was_not_given_out_is_refused(client: Client, cursor: str) -> None:
    """Also numbers beyond any log, and other spellings of those that were."""
    assert "cursor" in problem(client, f"/api/records?cursor={cursor}", 422)["detail"]


def test_a_cursor_of_any_index_is_taken(client: Client) -> None:
    """Up to the largest size a log can have."""
    for before in (0, 3, (1 << 63) - 1):
        page = client.get(f"/api/records?cursor={_write_cursor(before)}").json()
        assert [entry["index"] for entry in page["entries"]] == list(range(min(before, 16) - 1, -1, -1))


def test_a_record_is_shown_with_its_release_and_what_is_about_it(client: Client) -> None:
    """The prediction itself first, then annotations in order."""
    view = client.get(f"/api/records/{identity(4)}").json()
    assert (view["record"]["index"], view["release"]["index"], view["release"]["kind"]) == (5, 1, "release")
    assert [note["kind"] for note in view["annotations"]] == ["withheld"]
    assert view["annotations"][0]["attributes"][semconv.REASON] == "deadline"
    assert client.get(f"/api/records/{identity(1, OTHER)}").json()["release"]["release"] == "ef" * 32


@pytest.mark.parametrize("path", ["", "/proof", "/receipt"])
@pytest.mark.parametrize(
    "text", [NOBODY, "x", NOBODY.upper(), "0" * 32, "%00", "..%2F..", uuid_text(foreign(1).span[2:18])]
)
def test_an_unknown_id_is_404(client: Client, path: str, text: str) -> None:
    """Whether it is no id, nobody's, or a stranger's trace."""
    response = client.get(f"/api/records/{text}{path}")
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("application/problem+json")


def test_a_proof_is_the_published_format(client: Client) -> None:
    """Plain text that other people's tools read."""
    response = client.get(f"/api/records/{identity(4)}/proof")
    assert response.headers["content-type"].startswith("text/plain")
    proof = parse_proof(response.content)
    assert proof.index == 5


def test_a_receipt_verifies_offline(client: Client) -> None:
    """Open and closed; with the caller that the record names, and as if it did not exist with another."""
    path = f"/api/records/{identity(3)}/receipt"
    opened = parse_receipt(client.get(path).content)
    assert [step.outcome for step in verify_receipt(opened, [SIGNER.verifier])][:4] == [Outcome.VERIFIED] * 4
    closed = parse_receipt(client.get(f"{path}?open=no").content)
    assert (closed.payload, closed.salt, closed.leaf) == (None, None, opened.leaf)
    assert client.get(f"{path}?caller=shop").content == client.get(path).content
    problem(client, f"{path}?caller=bank", 404)
    problem(client, f"{path}?caller=bank&open=no", 404)
    assert problem(client, f"{path}?open=perhaps", 422)["field"] == "open"


def test_many_receipts_are_answered_one_by_one(filled: Log, client: Client) -> None:
    """Each id its receipt or its status: unknown, not an id, another caller's, erased, not covered."""
    filled.send(OURS.send(OURS.record(11)))
    erase(filled, 6)
    wanted = [identity(1), identity(2), identity(5), identity(11), NOBODY, "x"]
    found = client.post("/api/receipts", json={"request_ids": wanted}).json()["receipts"]
    assert list(found) == wanted
    assert parse_receipt(json.dumps(found[identity(1)]).encode()).payload
    assert [found[text] for text in wanted[2:]] == [{"status": status} for status in (410, 202, 404, 404)]
    mine = client.post("/api/receipts", json={"request_ids": wanted[:2], "caller": "shop"}).json()["receipts"]
    assert ("leaf" in mine[identity(1)], mine[identity(2)]) == (True, {"status": 404})


@pytest.mark.parametrize(
    "body",
    [{}, {"request_ids": []}, {"request_ids": ["x"] * 1001}, {"request_ids": "x"}, {"request_ids": [1]},
     {"request_ids": ["x"], "more": 1}, [], None],
)  # fmt: skip
def test_a_malformed_list_of_ids_is_refused(client: Client, body: Any) -> None:
    """Empty, too long, of other types, or with members that nobody knows."""
    response = client.post("/api/receipts", json=body)
    assert response.status_code in (400, 422)
    assert response.headers["content-type"].startswith("application/problem+json")
    assert client.post("/api/receipts", content=b"{").status_code == 400


def test_what_no_checkpoint_covers_is_202(log: Log) -> None:
    """Durable, but not provable for a moment: come again in a second."""
    log.send(OURS.export(0, 1))
    with asking(log) as client:
        for path in (f"/api/records/{identity(1)}/receipt", f"/api/records/{identity(1)}/proof", "/log/checkpoint"):
            response = client.get(path)
            assert (response.status_code, response.headers["retry-after"]) == (202, "1")
        assert client.get(f"/api/records/{identity(1)}").json()["record"]["index"] == 2


def erase(log: Log, index: int) -> None:
    """What the eraser does to rows; no program does it yet."""
    for table in ("payload", "finding"):
        log.writer._connection.execute(f"DELETE FROM {table} WHERE leaf_index = ?", (index,))  # type: ignore[attr-defined]  # SQLite's own


def test_what_was_erased_is_410_and_still_proved(filled: Log, client: Client) -> None:
    """The entry says so; the closed receipt and the proof remain."""
    erase(filled, 4)
    path = f"/api/records/{identity(3)}"
    entry = client.get(path).json()["record"]
    assert entry["erased"] is True
    assert "features" not in entry
    assert problem(client, f"{path}/receipt", 410)["type"] == "urn:countersign:problem:erased"
    assert parse_receipt(client.get(f"{path}/receipt?open=no").content).payload is None
    assert client.get(f"{path}/proof").status_code == 200
    assert indexes(client, f"&subject={3:032x}") == [9]


TAMPERED = {
    "payload": "UPDATE payload SET span = zeroblob(100) WHERE leaf_index = 4",
    "salt": "UPDATE payload SET salt = zeroblob(32) WHERE leaf_index = 4",
    "swapped": "UPDATE payload SET (salt, span) = (SELECT salt, span FROM payload WHERE leaf_index = 5) "
               "WHERE leaf_index = 4",
    "commitment": "UPDATE leaf SET commitment = zeroblob(32) WHERE leaf_index = 4",
    "time": "UPDATE leaf SET time = time + 1 WHERE leaf_index = 4",
    "kind": "UPDATE leaf SET kind = 2 WHERE leaf_index = 4",
    "number": "UPDATE leaf SET seq = 77 WHERE leaf_index = 4",
    "hash": "UPDATE leaf SET leaf_hash = zeroblob(32) WHERE leaf_index = 4",
}  # fmt: skip


@pytest.mark.parametrize("statement", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_record_that_was_tampered_with_is_refused_not_shown(filled: Log, client: Client, statement: str) -> None:
    """By no route, and the answer names the leaf and the way to look further; others are shown as before."""
    filled.writer._connection.execute(statement)  # type: ignore[attr-defined]  # SQLite's own
    path = f"/api/records/{identity(3)}"
    for target in (path, f"{path}/receipt", "/api/records"):
        document = problem(client, target, 503)
        assert "leaf 4" in document["detail"]
    answers = client.post("/api/receipts", json={"request_ids": [identity(3), identity(2)]}).json()["receipts"]
    assert answers[identity(3)] == {"status": 503}
    assert "leaf" in answers[identity(2)]


@pytest.mark.parametrize("kind", [9, 16, 200, -1])
def test_a_record_whose_kind_was_changed_is_not_shown_as_another(filled: Log, client: Client, kind: int) -> None:
    """A kind that names no request, or none at all: no longer found by its id, and never listed."""
    filled.writer._connection.execute("UPDATE leaf SET kind = ? WHERE leaf_index = 4", (kind,))  # type: ignore[attr-defined]  # SQLite's own
    problem(client, f"/api/records/{identity(3)}", 404)
    assert "leaf 4" in problem(client, "/api/records", 503)["detail"]


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


def test_completeness_is_reported_for_a_period(client: Client) -> None:
    """With the same times as a search, and the size it speaks of."""
    whole = client.get("/api/completeness").json()
    assert (whole["complete"], whole["size"], len(whole["streams"])) == (True, 16, 3)
    period = client.get(f"/api/completeness?from={format_time(START + 8 * SECOND)}").json()
    (ours,) = (stream for stream in period["streams"] if stream["stream"] == uuid_text(OURS.stream))
    assert (ours["first"], ours["last"], ours["count"], ours["missing"]) == (8, 10, 3, 0)
    assert problem(client, "/api/completeness?from=x", 422)["field"] == "from"


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
