# SPDX-License-Identifier: Apache-2.0
"""Every route of the audit API: what it gives, what it refuses, and in which words."""

import json
from typing import Any

import pytest

from audit_sidecar.query.evidence import _write_cursor
from audit_sidecar.tlog.proof import parse_proof
from audit_sidecar.verification import verify_receipt
from contracts import semconv
from contracts.identifiers import uuid_text
from contracts.receipt import parse_receipt
from contracts.timestamps import format_time
from contracts.verification_step import Outcome
from tests.audit_sidecar.evidence_log import SIGNER
from tests.audit_sidecar.producers import SECOND, START, Log, foreign
from tests.audit_sidecar.query.asking import (
    NOBODY,
    OTHER,
    OURS,
    Client,
    asking,
    erase,
    identity,
    problem,
)


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
        "subject": f"{3:032x}", "subject_key_id": "k1", "features": {"tenure_months": 3},
        "answer": {"prediction": "churn"}, "label": "retain", "score": 0.3, "status": 200,
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


def test_a_trace_id_finds_its_record(client: Client) -> None:
    """It is the request id without hyphens, as exemplars and other people's traces spell it."""
    spelt = [client.get(f"/api/records/{text}").json() for text in (identity(4), str(identity(4)).replace("-", ""))]
    assert spelt[0]["record"] == spelt[1]["record"]


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


def test_completeness_is_reported_for_a_period(client: Client) -> None:
    """With the same times as a search, and the size it speaks of."""
    whole = client.get("/api/completeness").json()
    assert (whole["complete"], whole["size"], len(whole["streams"])) == (True, 16, 3)
    period = client.get(f"/api/completeness?from={format_time(START + 8 * SECOND)}").json()
    (ours,) = (stream for stream in period["streams"] if stream["stream"] == uuid_text(OURS.stream))
    assert (ours["first"], ours["last"], ours["count"], ours["missing"]) == (8, 10, 3, 0)
    assert problem(client, "/api/completeness?from=x", 422)["field"] == "from"
