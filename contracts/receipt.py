# SPDX-License-Identifier: Apache-2.0
"""The receipt: everything a stranger needs, with the log's public key, to verify one record offline."""

import base64
import binascii
import json
from typing import NamedTuple

from contracts.canonical import parse_json
from contracts.commitment import SALT_BYTES
from contracts.errors import ContractError


class Receipt(NamedTuple):
    """``leaf`` is the exact text that was hashed, ``proof`` the text of a c2sp.org/tlog-proof@v1.

    ``salt`` and ``payload`` open the commitment; both are None in a receipt that keeps it closed (``?open=no``).
    """

    leaf: bytes
    proof: str
    salt: bytes | None = None
    payload: bytes | None = None


def encode_receipt(receipt: Receipt) -> bytes:
    """The JSON text of a receipt."""
    members = {"leaf": receipt.leaf.decode("ascii")}
    if receipt.salt is not None and receipt.payload is not None:
        members["salt"] = base64.b64encode(receipt.salt).decode()
        members["payload"] = base64.b64encode(receipt.payload).decode()
    return json.dumps(members | {"proof": receipt.proof}, indent=1).encode() + b"\n"


def parse_receipt(text: bytes) -> Receipt:
    """Read a receipt; ContractError for missing, unknown or mistyped members and non-canonical base64."""
    members = parse_json(text)
    if not isinstance(members, dict) or set(members) not in ({"leaf", "proof"}, {"leaf", "proof", "salt", "payload"}):
        raise ContractError("a receipt is a JSON object of leaf and proof, with salt and payload unless it is closed")
    if not all(isinstance(value, str) for value in members.values()):
        raise ContractError("every member of a receipt is a string")
    try:
        leaf = members["leaf"].encode("ascii")
    except UnicodeEncodeError as error:
        raise ContractError("a leaf is ASCII text") from error
    if "salt" not in members:
        return Receipt(leaf, members["proof"])
    salt = _base64(members["salt"], "salt")
    if len(salt) != SALT_BYTES:
        raise ContractError(f"the receipt's salt has {len(salt)} bytes, not {SALT_BYTES}")
    return Receipt(leaf, members["proof"], salt, _base64(members["payload"], "payload"))


def _base64(text: str, name: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ContractError(f"the receipt's {name} is not base64") from error
    # Trailing bits and missing padding would let two texts stand for the same bytes.
    if base64.b64encode(data).decode() != text:
        raise ContractError(f"the receipt's {name} is not canonical base64")
    return data
