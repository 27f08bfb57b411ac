# SPDX-License-Identifier: Apache-2.0
"""C2SP tlog-cosignature, Ed25519 v1: a witness's word that this is the largest consistent tree it has seen, and when.

A cosigner's key has type 0x04, so that its signatures are never taken for a log's (0x01), nor a log's for its.
"""

from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit_sidecar.tlog.errors import BadSignature
from audit_sidecar.tlog.keys import key_id_of, read_key, require_key_id
from audit_sidecar.tlog.note import Signature, parse_note
from audit_sidecar.tlog.strict import write_base64

COSIGNATURE_V1 = 0x04
_SIGNATURE_BYTES = 8 + 64


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness's name and Ed25519 public key (32 bytes)."""

    name: str
    public_key: bytes
    key_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Refuse a name or key that no note can carry."""
        object.__setattr__(self, "key_id", key_id_of(self.name, COSIGNATURE_V1, self.public_key))

    @classmethod
    def from_text(cls, vkey: str) -> "Cosigner":
        """Read `<name>+<key id>+<base64>`; a key id that is not this key's, or another key type, is `Malformed`."""
        name, key_id, key = read_key(vkey.split("+", 2), "witness key", COSIGNATURE_V1)
        cosigner = cls(name, key)
        require_key_id(name, key_id, cosigner.key_id)
        return cosigner

    def to_text(self) -> str:
        """Return the verifier-key line, without a line feed."""
        return f"{self.name}+{self.key_id.hex()}+{write_base64(bytes([COSIGNATURE_V1]) + self.public_key)}"

    def time_of(self, text: str, signature: Signature) -> int:
        """When the witness saw the checkpoint of this text, in unix seconds. BadSignature when it is not its word."""
        if (signature.name, signature.key_id) != (self.name, self.key_id):
            raise BadSignature(f"the line is of {signature.name!r}, not of the witness {self.name!r}")
        if len(signature.data) != _SIGNATURE_BYTES:
            raise BadSignature(f"a cosignature has {_SIGNATURE_BYTES} bytes, not {len(signature.data)}")
        time = int.from_bytes(signature.data[:8])
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature.data[8:], cosigned_message(text, time))
        except InvalidSignature:
            raise BadSignature(f"the cosignature of {self.name} does not verify") from None
        return time


def cosigned_message(text: str, time: int) -> bytes:
    """Return what a witness signs: the checkpoint's text under a header with the time in unix seconds."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def cosigned_times(note: bytes, cosigners: tuple[Cosigner, ...]) -> dict[str, int]:
    """Return when each of these witnesses cosigned the note; a line of theirs that does not verify is BadSignature."""
    text, signatures = parse_note(note)
    known = {(cosigner.name, cosigner.key_id): cosigner for cosigner in cosigners}
    found: dict[str, int] = {}
    for signature in signatures:
        cosigner = known.get((signature.name, signature.key_id))
        if cosigner is not None:
            found[cosigner.name] = cosigner.time_of(text, signature)
    return found


def cosignature_line(cosigner: Cosigner, data: bytes) -> bytes:
    """Return the line that carries a cosignature (time and signature) in a note."""
    return f"\N{EM DASH} {cosigner.name} {write_base64(cosigner.key_id + data)}\n".encode()


def read_cosignatures(body: bytes) -> tuple[Signature, ...]:
    """Return the signature lines of a witness's answer, at least one; anything else is `Malformed`."""
    # A note is a text, an empty line and signature lines: with a text before it the answer is one.
    _, signatures = parse_note(b"x\n\n" + body)
    return tuple(signatures)
