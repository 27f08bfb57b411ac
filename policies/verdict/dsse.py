# SPDX-License-Identifier: Apache-2.0
"""DSSE v1 envelopes (github.com/secure-systems-lab/dsse): a payload, its type, and signatures over both.

`verify` gives the payload only if every signature in the envelope is by a key that the caller trusts, so what it gives
was said by someone known and by nobody else. Stricter than DSSE asks: each signature names its key, base64 has its
one canonical spelling, no key signs twice, and duplicate members are refused. Unknown members are ignored, as DSSE
demands; they are not authenticated and never read. What the payload says is left to whoever knows its type.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from contracts.canonical import parse_json
from contracts.errors import ContractError, CountersignError
from policies.verdict.signing_keys import PrivateKey, PublicKey, key_id, sign_bytes, signature_holds

IN_TOTO: Final = "application/vnd.in-toto+json"
"""The payload type of in-toto statements."""

MAX_BYTES: Final = 4 << 20
_MAX_SIGNATURES: Final = 16


class EnvelopeUnreadable(CountersignError):
    """Bytes that are no DSSE envelope."""


class EnvelopeRefused(CountersignError):
    """An envelope whose type is not the wanted one, or whose signatures do not all hold."""


class Opened(NamedTuple):
    """What an envelope says, and by which keys."""

    payload_type: str
    payload: bytes
    key_ids: tuple[str, ...]


class _Envelope(NamedTuple):
    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: what is signed."""
    name = payload_type.encode("utf-8")
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


def sign(payload_type: str, payload: bytes, *keys: PrivateKey) -> bytes:
    """An envelope signed by each of the keys, as JSON in one line that ends in a line feed."""
    message = pae(payload_type, payload)
    envelope = {
        "payload": _write_base64(payload),
        "payloadType": payload_type,
        "signatures": [
            {"keyid": key_id(key.public_key()), "sig": _write_base64(sign_bytes(key, message))} for key in keys
        ],
    }
    return json.dumps(envelope, separators=(",", ":")).encode("ascii") + b"\n"


def verify(
    envelope: bytes, keys: Mapping[str, PublicKey], payload_type: str = IN_TOTO, *, threshold: int = 1
) -> Opened:
    """What an envelope says, if it is of this type and every signature is by one of ``keys`` (by key id).

    Raises EnvelopeUnreadable, or EnvelopeRefused; also where fewer than ``threshold`` keys signed.
    """
    parsed = _parse(envelope)
    if parsed.payload_type != payload_type:
        raise EnvelopeRefused(f"the payload type is {parsed.payload_type!r}, not {payload_type!r}")
    message = pae(parsed.payload_type, parsed.payload)
    signed: list[str] = []
    for name, signature in parsed.signatures:
        key = keys.get(name)
        if key is None or key_id(key) != name:
            raise EnvelopeRefused(f"signed by the key {name[:64]!r}, which is not one of those trusted here")
        if name in signed:
            raise EnvelopeRefused(f"the key {name} signed twice")
        if not signature_holds(key, signature, message):
            raise EnvelopeRefused(f"the signature of the key {name} does not hold: type or payload was changed")
        signed.append(name)
    if len(signed) < max(threshold, 1):
        raise EnvelopeRefused(f"{len(signed)} of at least {max(threshold, 1)} signatures are there")
    return Opened(parsed.payload_type, parsed.payload, tuple(signed))


def _parse(envelope: bytes) -> _Envelope:
    if len(envelope) > MAX_BYTES:
        raise EnvelopeUnreadable(f"has {len(envelope)} bytes; an envelope has at most {MAX_BYTES}")
    try:
        value = parse_json(envelope)
    except ContractError as error:
        raise EnvelopeUnreadable(str(error)) from None
    signatures = _member(value, "signatures", list, "")
    if len(signatures) > _MAX_SIGNATURES:
        raise EnvelopeUnreadable(f"holds {len(signatures)} signatures; at most {_MAX_SIGNATURES} are read")
    return _Envelope(
        payload_type=_member(value, "payloadType", str, ""),
        payload=_base64(value, "payload", ""),
        signatures=tuple(
            (_member(item, "keyid", str, f"signatures[{n}]."), _base64(item, "sig", f"signatures[{n}]."))
            for n, item in enumerate(signatures)
        ),
    )


def _member(value: object, name: str, kind: type, parent: str) -> Any:
    """A member of an object; typed by ``kind``, which is checked here."""
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, kind):
        raise EnvelopeUnreadable(f"is no DSSE envelope: `{parent}{name}` is missing or not a {kind.__name__}")
    return found


def _base64(value: object, name: str, parent: str) -> bytes:
    text = _member(value, name, str, parent)
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise EnvelopeUnreadable(f"`{parent}{name}` is not standard padded base64") from None
    if _write_base64(data) != text:  # stray bits: a second spelling of the same bytes
        raise EnvelopeUnreadable(f"`{parent}{name}` is not canonical base64")
    return data


def _write_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
