# SPDX-License-Identifier: Apache-2.0
"""C2SP signed notes: a text and the lines that sign it.

Opening a note guarantees that at least one given key signed exactly this text and that no given key is falsely named.
Lines of other keys are kept and mean nothing. Signatures cover the text with its final line feed, not the blank line.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from audit_sidecar.tlog.errors import BadSignature, Malformed
from audit_sidecar.tlog.keys import NoteSigner, Verifier, require_name
from audit_sidecar.tlog.strict import read_base64, read_utf8, write_base64

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100

_DASH = "\N{EM DASH} "


class Signature(NamedTuple):
    """One signature line: who is said to have signed, the 4-byte key id, and the bytes that key type defines."""

    name: str
    key_id: bytes
    data: bytes


class Note(NamedTuple):
    """A text, the signatures that a given key made, and the lines of keys that were not given."""

    text: str
    verified: tuple[Signature, ...]
    unverified: tuple[Signature, ...]


def sign_note(text: str, signers: Sequence[NoteSigner], others: Sequence[Signature] = ()) -> bytes:
    """Return the note with one line for each signer, then the lines of `others` as they are."""
    message = _encode_text(text)
    own = [Signature(s.verifier.name, s.verifier.key_id, s.sign(message)) for s in signers]
    lines = [_signature_line(signature) for signature in (*own, *others)]
    if not 1 <= len(lines) <= MAX_SIGNATURES:
        raise Malformed(f"a note has 1 to {MAX_SIGNATURES} signatures, not {len(lines)}")
    note = message + b"\n" + "".join(lines).encode()
    if len(note) > MAX_NOTE_BYTES:
        raise Malformed(f"the note would have {len(note)} bytes, more than {MAX_NOTE_BYTES}")
    return note


def open_note(note: bytes, verifiers: Iterable[Verifier]) -> Note:
    """Return the note; `BadSignature` if no given key signed it or a given key's line does not verify."""
    text, signatures = parse_note(note)
    known = _index_keys(verifiers)
    message = text.encode()
    verified, unverified = [], []
    for signature in signatures:
        verifier = known.get((signature.name, signature.key_id))
        if verifier is None:
            unverified.append(signature)
        elif verifier.accepts(message, signature.data):
            verified.append(signature)
        else:
            raise BadSignature(f"the signature of {signature.name} does not verify: the text or the line was changed")
    if not verified:
        wanted = ", ".join(sorted(f"{name}+{key_id.hex()}" for name, key_id in known)) or "no key at all"
        found = ", ".join(f"{s.name}+{s.key_id.hex()}" for s in signatures[:4])
        raise BadSignature(f"no given key signed the note: given {wanted}; the note names {found}")
    return Note(text, tuple(verified), tuple(unverified))


def parse_note(note: bytes) -> tuple[str, tuple[Signature, ...]]:
    """Return text and signature lines without verifying anything."""
    whole = read_utf8(note, "the note", MAX_NOTE_BYTES)
    split = whole.rfind("\n\n")
    if split < 0 or not whole.endswith("\n"):
        raise Malformed("the note has no blank line between text and signatures, or its last line is cut off")
    lines = whole[split + 2 : -1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise Malformed(f"the note has {len(lines)} signatures, more than {MAX_SIGNATURES}")
    return whole[: split + 1], tuple(_parse_signature(line) for line in lines)


def _encode_text(text: str) -> bytes:
    try:
        message = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Malformed("the text of a note is not Unicode text") from error
    read_utf8(message, "the text of the note", MAX_NOTE_BYTES)
    if not text.endswith("\n"):
        raise Malformed("the text of a note ends in a line feed")
    return message


def _index_keys(verifiers: Iterable[Verifier]) -> dict[tuple[str, bytes], Verifier]:
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        if known.setdefault((verifier.name, verifier.key_id), verifier) != verifier:
            raise Malformed(f"two different keys share the name and key id {verifier.name}+{verifier.key_id.hex()}")
    return known


def _signature_line(signature: Signature) -> str:
    require_name(signature.name)
    if len(signature.key_id) != 4 or not signature.data:
        raise Malformed(f"a signature line of {signature.name!r} needs a 4-byte key id and a signature")
    return f"{_DASH}{signature.name} {write_base64(signature.key_id + signature.data)}\n"


def _parse_signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise Malformed(f"not a signature line: {line[:80]!r}")
    require_name(name)
    data = read_base64(encoded, f"the signature of {name}")
    if len(data) < 5:
        raise Malformed(f"the signature of {name} is too short for a key id and a signature")
    return Signature(name, data[:4], data[4:])
