# SPDX-License-Identifier: Apache-2.0
"""Own receipts and the audit log, as the audit API gives them, and what callers see when it does not."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.service.fake_audit_api import FakeAuditApi, fake_audit_api
from tests.service.fake_sidecar import FakeSidecar
from tests.service.running import Service, running

ID = "01a20929-93b6-7f55-bc2c-7c40690bf335"
RECEIPT = b'{"leaf": "{}", "proof": "c2sp.org/tlog-proof@v1"}'


@pytest.fixture
async def audit_api() -> AsyncIterator[FakeAuditApi]:
    async with fake_audit_api() as found:
        yield found


@pytest.fixture
async def audited(bundle: Path, sidecar: FakeSidecar, audit_api: FakeAuditApi) -> AsyncIterator[Service]:
    token = bundle / "audit.token"
    token.write_text("secret\n")
    async with running(bundle, sidecar, audit_url=audit_api.url, audit_token_file=str(token)) as found:
        yield found
        if found.parts.audit is not None:
            found.parts.audit.close()


async def test_receipt_is_passed_on_as_it_came(audited: Service, audit_api: FakeAuditApi) -> None:
    """The bytes are the audit API's; it was asked for the caller's own record, with the service's token."""
    audit_api.replies.extend([(200, "", RECEIPT), (200, "", RECEIPT)])
    whole = await audited.client.get(f"/predict/{ID}/receipt")
    closed = await audited.client.get(f"/predict/{ID}/receipt?open=no")
    assert (whole.status_code, whole.content) == (200, RECEIPT)
    assert closed.status_code == 200
    lines = [line for line, _, _ in audit_api.asked]
    assert lines[0] == f"GET /api/records/{ID}/receipt?caller=local HTTP/1.1"
    assert lines[1] == f"GET /api/records/{ID}/receipt?caller=local&open=no HTTP/1.1"
    assert "Authorization: Bearer secret" in audit_api.asked[0][1]


async def test_receipt_that_is_not_covered_yet_is_202(audited: Service, audit_api: FakeAuditApi) -> None:
    """Retry-After is the audit API's."""
    audit_api.replies.append((202, "Retry-After: 2\r\n", b"{}"))
    response = await audited.client.get(f"/predict/{ID}/receipt")
    assert (response.status_code, response.headers["retry-after"]) == (202, "2")


@pytest.mark.parametrize(("status", "expected"), [(404, 404), (410, 410), (401, 503), (403, 503), (500, 503)])
async def test_refusals_of_the_audit_api(audited: Service, audit_api: FakeAuditApi, status: int, expected: int) -> None:
    """Unknown, or another's: 404; erased: 410; trouble between the two programs is not the caller's fault: 503."""
    audit_api.replies.append((status, "", b"{}"))
    response = await audited.client.get(f"/predict/{ID}/receipt")
    assert response.status_code == expected
    assert response.headers["content-type"] == "application/problem+json"


async def test_malformed_id_is_as_unknown_as_any_other(audited: Service, audit_api: FakeAuditApi) -> None:
    """404 without asking anybody."""
    response = await audited.client.get("/predict/not-an-id/receipt")
    assert response.status_code == 404
    assert audit_api.asked == []


async def test_several_receipts_at_once(audited: Service, audit_api: FakeAuditApi) -> None:
    """The ids and the caller go on; the answer comes back."""
    audit_api.replies.append((200, "", b'{"receipts":{}}'))
    response = await audited.client.post("/receipts", json={"request_ids": [ID]})
    assert (response.status_code, response.json()) == (200, {"receipts": {}})
    line, _, body = audit_api.asked[0]
    assert line == "POST /api/receipts HTTP/1.1"
    assert json.loads(body) == {"request_ids": [ID], "caller": "local"}


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"{}", 422), (b'{"request_ids":[]}', 422), (b'{"request_ids":["a"],"caller":"eve"}', 422)],
)
async def test_bad_question_for_receipts(audited: Service, audit_api: FakeAuditApi, body: bytes, status: int) -> None:
    """A caller cannot name another caller, and the audit API is not bothered."""
    response = await audited.client.post("/receipts", content=body, headers={"content-type": "application/json"})
    assert response.status_code == status
    assert audit_api.asked == []


async def test_audit_log_uses_the_names_of_the_card(audited: Service, audit_api: FakeAuditApi) -> None:
    """Subject, label and score appear under the card's names; predictions unless asked otherwise; filters go on."""
    page = {"total": 1, "entries": [{"index": 2, "subject": "ab", "label": "churn", "score": 0.5}], "next": "c"}
    audit_api.replies.extend([(200, "", json.dumps(page).encode())] * 2)
    first = await audited.client.get("/governance/audit-log?subject=ab&from=2026-01-01&limit=5")
    await audited.client.get("/governance/audit-log?kind=reject")
    entry = {"index": 2, "customer_id": "ab", "prediction": "churn", "churn_probability": 0.5}
    assert first.json() == {"total": 1, "entries": [entry], "next": "c"}
    lines = [line for line, _, _ in audit_api.asked]
    assert lines[0] == "GET /api/records?kind=prediction&subject=ab&from=2026-01-01&limit=5 HTTP/1.1"
    assert lines[1] == "GET /api/records?kind=reject HTTP/1.1"
    assert all("\r\ncountersign-on-behalf-of: local\r\n" in head for _, head, _ in audit_api.asked)


async def test_audit_log_refuses_a_filter_that_does_not_exist(audited: Service, audit_api: FakeAuditApi) -> None:
    """A mistyped filter must not silently match everything; a value the API refuses is a 422 with its reason."""
    mistyped = await audited.client.get("/governance/audit-log?subjct=ab")
    audit_api.replies.append((400, "", b'{"detail":"from: no time"}'))
    refused = await audited.client.get("/governance/audit-log?from=x")
    assert (mistyped.status_code, refused.status_code) == (422, 422)
    assert refused.json()["detail"] == "from: no time"


async def test_connection_that_was_closed_meanwhile_is_opened_again(audited: Service, audit_api: FakeAuditApi) -> None:
    """A keep-alive connection that the API has closed costs the caller nothing."""
    audit_api.replies.append((200, "Connection: close\r\n", RECEIPT))
    audit_api.replies.append((200, "", RECEIPT))
    for _ in range(2):
        assert (await audited.client.get(f"/predict/{ID}/receipt")).status_code == 200


@pytest.mark.parametrize("path", [f"/predict/{ID}/receipt", "/governance/audit-log"])
async def test_without_an_audit_api_the_answer_says_so(service: Service, path: str) -> None:
    """503, naming the flag that is missing."""
    response = await service.client.get(path)
    assert response.status_code == 503
    assert "--audit-url" in response.json()["detail"]


async def test_audit_api_that_is_gone_is_503(bundle: Path, sidecar: FakeSidecar, tmp_path: Path) -> None:
    """A neighbour that cannot be reached is no internal error."""
    async with running(bundle, sidecar, audit_url=f"unix:{tmp_path}/none") as service:
        response = await service.client.get(f"/predict/{ID}/receipt")
    assert response.status_code == 503
    assert response.json()["type"].endswith("audit-unavailable")
