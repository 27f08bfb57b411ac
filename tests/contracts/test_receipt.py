# SPDX-License-Identifier: Apache-2.0
"""Receipts: one JSON text per receipt's meaning, strictly read."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ContractError
from contracts.receipt import Receipt, encode_receipt, parse_receipt
from tests.contracts.spans import mutated, raw

ASCII = st.text(st.characters(max_codepoint=127), max_size=60).map(str.encode)
OPEN = st.builds(Receipt, ASCII, st.text(max_size=60), raw(32), st.binary(max_size=80))
CLOSED = st.builds(Receipt, ASCII, st.text(max_size=60), st.none(), st.none())
EXAMPLE = Receipt(b'{"v":1}', "c2sp.org/tlog-proof@v1\n", bytes(32), b"payload")


@given(OPEN | CLOSED)
def test_a_receipt_reads_back(receipt: Receipt) -> None:
    """Round trip, open and closed; an empty payload is not a missing one."""
    assert parse_receipt(encode_receipt(receipt)) == receipt


def test_a_receipt_by_example() -> None:
    """Members in the order in which they are checked, bytes in padded standard base64."""
    assert list(json.loads(encode_receipt(EXAMPLE))) == ["leaf", "salt", "payload", "proof"]
    assert json.loads(encode_receipt(EXAMPLE)) == {
        "leaf": '{"v":1}',
        "salt": base64.b64encode(bytes(32)).decode(),
        "payload": base64.b64encode(b"payload").decode(),
        "proof": "c2sp.org/tlog-proof@v1\n",
    }
    assert list(json.loads(encode_receipt(EXAMPLE._replace(salt=None, payload=None)))) == ["leaf", "proof"]


@pytest.mark.parametrize(
    "changes",
    [
        {"leaf": None}, {"leaf": 1}, {"leaf": "é"}, {"proof": ["x"]}, {"salt": None}, {"salt": ""}, {"payload": 0},
        {"salt": base64.b64encode(bytes(31)).decode()}, {"salt": base64.b64encode(bytes(33)).decode()},
        {"payload": "QQ"}, {"payload": "QR=="}, {"payload": "Q Q=="}, {"payload": "QQ==\n"}, {"payload": "_w=="},
        {"payload": "é"}, {"payload": "="}, {"payload": "QQ==QQ=="}, {"note": "x"},
    ],
)  # fmt: skip
def test_a_receipt_of_other_members_is_refused(changes: dict[str, object]) -> None:
    """Wrong types, lengths, spellings of base64, and members that no receipt has."""
    with pytest.raises(ContractError):
        parse_receipt(json.dumps(json.loads(encode_receipt(EXAMPLE)) | changes).encode())


@pytest.mark.parametrize("missing", [["leaf"], ["proof"], ["salt"], ["payload"], ["leaf", "proof"]])
def test_a_receipt_is_whole(missing: list[str]) -> None:
    """Salt and payload go together; leaf and proof are always there."""
    members = json.loads(encode_receipt(EXAMPLE))
    for name in missing:
        del members[name]
    with pytest.raises(ContractError):
        parse_receipt(json.dumps(members).encode())


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b'"leaf"', b"{}", b'{"leaf":"","leaf":"","proof":""}'])
def test_other_text_is_no_receipt(text: bytes) -> None:
    """Neither other JSON nor a member twice."""
    with pytest.raises(ContractError):
        parse_receipt(text)


@given(st.data(), OPEN | CLOSED)
def test_a_damaged_receipt_is_read_or_refused(data: st.DataObject, receipt: Receipt) -> None:
    """Nothing but ContractError; what is still read is a receipt that reads back."""
    try:
        found = parse_receipt(data.draw(mutated(encode_receipt(receipt))))
    except ContractError:
        return
    assert parse_receipt(encode_receipt(found)) == found
