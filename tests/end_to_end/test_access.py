# SPDX-License-Identifier: Apache-2.0
"""Who read the evidence stands in the log, whichever way they came."""

from audit_sidecar.query.entry import entry_of
from audit_sidecar.stores.store import Search
from contracts import semconv
from tests.end_to_end.living import LOYAL, Living


def test_readers_are_recorded_and_do_not_count_as_predictions(stack: Living) -> None:
    """Reading through the service names the end caller; the total of the audit log stays that of predictions."""
    assert stack.predict(LOYAL).status == 200
    before = stack.get("/governance/audit-log").body["total"]
    assert stack.audit("/api/records?kind=prediction&limit=1").body["total"] == before
    after = stack.get("/governance/audit-log").body["total"]
    found = [entry_of(record) for record, _ in stack.evidence().reader.search(Search(kind="access"), 3)]
    assert after == before
    assert [(entry.attributes or {}).get(semconv.ON_BEHALF_OF) for entry in found] == ["local", None, "local"]
    assert {(entry.attributes or {})[semconv.QUERY] for entry in found} == {
        "GET /api/records?kind=prediction",
        "GET /api/records?kind=prediction&limit=1",
    }
    assert stack.audit("/api/records?kind=access").body["total"] >= 3


def test_receipts_are_not_recorded(stack: Living) -> None:
    """A caller who fetches the own receipt reads nobody else's evidence."""
    answer = stack.predict(LOYAL)
    before = stack.evidence().reader.count(Search(kind="access"))
    stack.receipt(answer.body["request_id"])
    assert stack.evidence().reader.count(Search(kind="access")) == before
