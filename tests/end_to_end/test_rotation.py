# SPDX-License-Identifier: Apache-2.0
"""Keys change under a running log: whoever has the old key, the new one or both goes on verifying and finding."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit_sidecar.query.entry import entry_of
from audit_sidecar.stores.store import Search
from contracts import semconv
from tests.end_to_end.living import LOYAL, Living, countersign


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Living]:
    """A stack with an anchor that the test starts and stops."""
    made = Living(tmp_path)
    try:
        yield made
    finally:
        made.end()


def _receipt(stack: Living, folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(stack.receipt(stack.predict(LOYAL).body["request_id"]))
    return path


def test_a_log_key_is_rotated(stack: Living, tmp_path: Path) -> None:
    """Old alone, then both, then new alone sign; each receipt opens with whichever keys signed it, and with all."""
    stack.start()
    first = _receipt(stack, tmp_path, "first.json")
    stack.stop()
    old = stack.state.log_vkey.read_text().strip()
    assert countersign("keygen", "--rotate-log", str(stack.state.folder)).returncode == 0
    new = stack.state.log_vkey.read_text().split("\n")[0]
    stack.start()
    both = _receipt(stack, tmp_path, "both.json")
    stack.stop()
    for key in (old, new, str(stack.state.log_vkey)):
        assert countersign("audit", "fsck", stack.state.store, "--key", key).returncode == 0
    stack.state.log_key.write_text(stack.state.log_key.read_text().split("\n")[0] + "\n")
    stack.start()
    last = _receipt(stack, tmp_path, "last.json")
    stack.stop()
    verdicts = {
        (receipt.name, key): countersign("audit", "verify", str(receipt), "--key", value).returncode
        for receipt in (first, both, last)
        for key, value in (("old", old), ("new", new), ("file", str(stack.state.log_vkey)))
    }
    refused = {at for at, code in verdicts.items() if code != 0}
    assert refused == {("first.json", "new"), ("last.json", "old")}
    assert stack.fsck("--against", str(first), "--against", str(both)).returncode == 0
    named = [
        json.loads(str((entry_of(record).attributes or {})[semconv.LOG_KEYS]))
        for record, _ in stack.evidence().reader.search(Search(kind="key"), 10)
    ]
    assert named == [[new], sorted([old, new]), [old]]


def test_a_subject_key_is_rotated(stack: Living) -> None:
    """New records carry the new pseudonym; a customer is found under both, from before and from after."""
    stack.start()
    before = stack.predict(LOYAL, customer="C-77").body["request_id"]
    stack.service.stop()
    assert countersign("keygen", "--rotate-subject", str(stack.state.folder)).returncode == 0
    stack.service.start()
    after = stack.predict(LOYAL, customer="C-77").body["request_id"]
    key = str(stack.state.subject_key)
    for source in (stack.state.store, stack.stack.audit_url):
        found = countersign("audit", "search", source, "--customer", "C-77", "--subject-key", key, "--json")
        entries = [json.loads(line) for line in found.stdout.splitlines()]
        assert [entry["request_id"] for entry in entries] == [after, before]
        assert len({entry["subject"] for entry in entries}) == len({entry["subject_key_id"] for entry in entries}) == 2
    stack.stop()
