# SPDX-License-Identifier: Apache-2.0
"""A model of one's own takes only the documented path: a recipe, `countersign train`, `countersign serve`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.living import ROOT, Living, countersign, living

RECIPE = ROOT / "tests" / "fixtures" / "recipes" / "support_tickets.py"
TICKET = {
    "ticket_id": "T-1",
    "message": "Hello again, the line is dead",
    "channel": "app",
    "hours_open": 3.5,
    "earlier_tickets": 4,
    "urgent": True,
}


@pytest.fixture(scope="module")
def tickets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """Other feature names, free text, a tree ensemble, three classes: trained by command and served unchanged."""
    folder = tmp_path_factory.mktemp("own-model")
    trained = countersign("train", str(RECIPE), "--out", str(folder / "models"))
    assert trained.returncode == 0, trained
    with living(folder / "stack", bundle=folder / "models" / "support-tickets" / "0.3.0") as running:
        yield running


def test_it_is_served_with_evidence(tickets: Living, tmp_path: Path) -> None:
    """Field names come from its card; the receipt verifies; where the model gives no reasons, none are invented."""
    reply = tickets.post("/predict", TICKET)
    assert reply.status == 200, reply
    assert reply.body["ticket_id"] == "T-1"
    assert reply.body["team"] == "network"
    assert 1 / 3 <= reply.body["confidence"] <= 1
    assert "reasons" not in reply.body
    receipt = tmp_path / "receipt.json"
    receipt.write_bytes(tickets.receipt(reply.body["request_id"]))
    verified = countersign("audit", "verify", str(receipt), "--key", str(tickets.state.log_vkey))
    assert verified.returncode == 0, verified
    entry = tickets.get("/governance/audit-log").body["entries"][0]
    assert entry["team"] == "network"
    assert entry["features"] == {name: value for name, value in TICKET.items() if name != "ticket_id"}


def test_a_batch_is_served(tickets: Living) -> None:
    """Three classes, row by row."""
    messages = ["you charged me twice", "no signal at home", "please change my address"]
    rows = [{**TICKET, "ticket_id": f"T-{n}", "message": text} for n, text in enumerate(messages)]
    predictions = tickets.post("/predict/batch", {"instances": rows}).body["predictions"]
    assert [prediction["ticket_id"] for prediction in predictions] == ["T-0", "T-1", "T-2"]
    assert all(prediction["team"] in ("billing", "moving", "network") for prediction in predictions)


@pytest.mark.parametrize(
    ("changed", "field", "status"),
    [
        ({"message": "write to me at jane@example.com"}, "$.message", 422),
        ({"message": "call +27 82 555 0123"}, "$.message", 422),
        ({"message": "my card is 4111 1111 1111 1111"}, "$.message", 422),
        ({"message": "my id is 8001015009087"}, "$.message", 422),
        ({"message": "x" * 2001}, "$.message", 422),
        ({"channel": "fax"}, "$.channel", 422),
        ({"urgent": "yes"}, "$.urgent", 422),
        ({"earlier_tickets": 2.5}, "$.earlier_tickets", 422),
        ({"hours_open": -1}, "$.hours_open", 422),
    ],
)
def test_what_does_not_fit_is_refused_and_never_kept(
    tickets: Living, changed: dict[str, object], field: str, status: int
) -> None:
    """Personal data in free text, unknown categories and wrong types: the field is named, the value nowhere kept."""
    reply = tickets.post("/predict", {**TICKET, **changed})
    assert reply.status == status, reply
    assert reply.body["field"] == field
    if field == "$.message":
        kept = b"".join(file.read_bytes() for file in tickets.state.folder.glob("store.db*"))
        value = str(changed["message"])
        assert value not in str(reply.body)
        assert value.encode() not in kept
        assert value not in tickets.service.log()
