# SPDX-License-Identifier: Apache-2.0
"""An approval counts under the key of the listed person whom it names, or it counts for nothing."""

import base64
import datetime as dt
import json
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from policies.governance.approvals import Decision, read_approval, write_approval
from policies.governance.governance import Approver, RefusedApproval, SignedApproval
from policies.place import Place
from policies.verdict.dsse import IN_TOTO, sign
from policies.verdict.signing_keys import PrivateKey, key_id, public_pem

PLACE = Place("governance/approvals/a.dsse.json")
KEY = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
OTHER = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
DECISION = Decision(
    approver="Ada",
    duty="model risk",
    model="telco-watson@1.0.0",
    decided=dt.date(2026, 11, 23),
    subjects={"card.yaml": "0" * 64, "model.onnx": "1" * 64},
)


def listed(key: PrivateKey = KEY, name: str = "Ada", duty: str = "model risk", **changes: Any) -> Approver:
    """Someone whose public key stands in approvers.yaml."""
    public = key.public_key()
    made = Approver(
        name=name, duty=duty, key_id=key_id(public), public_key=public_pem(public), place=Place("approvers.yaml")
    )
    return msgspec.structs.replace(made, **changes)


def refused(data: bytes, *approvers: Approver) -> str:
    """Why an approval counts for nothing; fails if it counts."""
    found = read_approval(data, PLACE, approvers)
    assert isinstance(found, RefusedApproval)
    assert found.place == PLACE
    return found.reason


@pytest.mark.parametrize("key", [KEY, ec.derive_private_key(7, ec.SECP256R1())], ids=["Ed25519", "P-256"])
def test_what_was_signed_comes_back(key: PrivateKey) -> None:
    """Both kinds of key sign; the approval is the approver's as listed, not as the statement says."""
    found = read_approval(write_approval(DECISION, key), PLACE, (listed(OTHER, "Bob"), listed(key)))
    assert isinstance(found, SignedApproval)
    assert found.approver == listed(key)
    assert (found.decided, found.model, found.subjects) == (DECISION.decided, DECISION.model, DECISION.subjects)


@given(
    subjects=st.dictionaries(st.text(min_size=1), st.from_regex(r"[0-9a-f]{64}", fullmatch=True), min_size=1),
    note=st.none() | st.text(min_size=1),
)
def test_every_decision_survives(subjects: dict[str, str], note: str | None) -> None:
    """Any file names and any note come back as they were signed."""
    decision = msgspec.structs.replace(DECISION, subjects=subjects, note=note)
    try:
        data = write_approval(decision, KEY)
    except UnicodeEncodeError:
        return  # lone surrogates are no text in any encoding
    found = read_approval(data, PLACE, (listed(),))
    assert isinstance(found, SignedApproval)
    assert (found.subjects, found.note) == (subjects, note)


def test_a_stranger_signs_nothing() -> None:
    """A key that is not listed counts for nothing, nor does any key where nobody is listed."""
    assert "not one of those trusted" in refused(write_approval(DECISION, OTHER), listed())
    assert "not one of those trusted" in refused(write_approval(DECISION, KEY))


def test_nobody_speaks_for_another() -> None:
    """A listed key under another's name or with another duty counts for nothing."""
    mine = listed(OTHER, "Bob", "independent validation")
    assert "'Ada'" in refused(write_approval(DECISION, OTHER), listed(), mine)
    promoted = msgspec.structs.replace(DECISION, duty="independent validation")
    assert "independent validation" in refused(write_approval(promoted, KEY), listed())


def test_an_expired_approver_decides_nothing() -> None:
    """Until the day of expiry, inclusive."""
    data = write_approval(DECISION, KEY)
    assert isinstance(read_approval(data, PLACE, (listed(expires=DECISION.decided),)), SignedApproval)
    assert "until 2026-11-22 only" in refused(data, listed(expires=dt.date(2026, 11, 22)))


def test_one_file_is_one_persons_approval() -> None:
    """Two signatures in one envelope would make one statement count as two people's."""
    statement = json.loads(base64.b64decode(json.loads(write_approval(DECISION, KEY))["payload"]))
    data = sign(IN_TOTO, json.dumps(statement).encode(), KEY, OTHER)
    assert "2 signatures" in refused(data, listed(), listed(OTHER, "Bob"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"_type": "https://in-toto.io/Statement/v0.1"}, "_type"),
        ({"predicateType": "https://slsa.dev/verification_summary/v1"}, "predicateType"),
        ({"subject": []}, "subject"),
        ({"subject": [{"name": "card.yaml", "digest": {"sha256": "A" * 64}}]}, "sha256"),
        ({"subject": [{"name": "card.yaml", "digest": {"sha512": "a" * 128}}]}, "sha512"),
        ({"subject": [{"name": "card.yaml", "digest": {"sha256": "a" * 64}}] * 2}, "twice"),
        ({"more": 1}, "more"),
    ],
)
def test_a_statement_of_another_shape_is_no_approval(change: dict[str, Any], said: str) -> None:
    """Wrong types, other digests, repeated files and unknown members are refused, though the signature holds."""
    statement = json.loads(base64.b64decode(json.loads(write_approval(DECISION, KEY))["payload"]))
    assert said in refused(sign(IN_TOTO, json.dumps({**statement, **change}).encode(), KEY), listed())


@pytest.mark.parametrize(
    "change", [{"decision": "rejected"}, {"decided": "2026-13-01"}, {"decided": None}, {"approver": ""}, {"also": 1}]
)
def test_a_decision_of_another_shape_is_no_approval(change: dict[str, Any]) -> None:
    """Only the word approved approves, on a day that exists, by someone."""
    statement = json.loads(base64.b64decode(json.loads(write_approval(DECISION, KEY))["payload"]))
    statement["predicate"].update(change)
    assert "is no approval" in refused(sign(IN_TOTO, json.dumps(statement).encode(), KEY), listed())


def test_a_repeated_key_is_refused() -> None:
    """Two parsers could read two decisions out of it."""
    text = base64.b64decode(json.loads(write_approval(DECISION, KEY))["payload"]).decode()
    twice = text.replace('"decision":"approved"', '"decision":"rejected","decision":"approved"')
    assert "duplicate key" in refused(sign(IN_TOTO, twice.encode(), KEY), listed())


@given(position=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_no_changed_bit_of_an_approval_still_approves_something_else(position: int, bit: int) -> None:
    """A flipped bit is refused, unless it stands in something that nobody reads and changes nothing."""
    data = bytearray(write_approval(DECISION, KEY))
    data[position % len(data)] ^= 1 << bit
    found = read_approval(bytes(data), PLACE, (listed(),))
    unchanged = read_approval(write_approval(DECISION, KEY), PLACE, (listed(),))
    assert isinstance(found, RefusedApproval) or found == unchanged


@given(st.binary(max_size=300))
def test_bytes_are_never_a_crash(data: bytes) -> None:
    """Whatever lies in the folder is an approval or counts for nothing."""
    assert isinstance(read_approval(data, PLACE, (listed(),)), RefusedApproval)
