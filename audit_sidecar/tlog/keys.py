# SPDX-License-Identifier: Apache-2.0
"""Ed25519 keys of signed notes in their text forms: the verifier key and Go's `PRIVATE+KEY` line.

A key is its name and its public key together: the key id binds both and is recomputed whenever a key is read.
Where keys are kept is left to others. Source: C2SP signed-note, Go x/mod `sumdb/note`.
"""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit_sidecar.tlog.errors import Malformed
from audit_sidecar.tlog.strict import read_base64, read_utf8, write_base64

ED25519 = 0x01

_KEY_ID = re.compile(r"[0-9a-f]{8}", re.ASCII)
_MAX_KEYS_BYTES = 65_536


class NoteSigner(Protocol):
    """Whatever signs notes: a key in memory, or one held by a key service."""

    @property
    def verifier(self) -> "Verifier":
        """Return the public half."""

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of the message itself (not of a hash of it)."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A name and an Ed25519 public key (32 bytes)."""

    name: str
    public_key: bytes
    key_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Refuse a name or key that no note can carry."""
        object.__setattr__(self, "key_id", key_id_of(self.name, ED25519, self.public_key))

    @classmethod
    def from_text(cls, vkey: str) -> "Verifier":
        """Read `<name>+<key id>+<base64>`; a key id that is not this key's is `Malformed`."""
        name, key_id, key = read_key(vkey.split("+", 2), "verifier key")
        verifier = cls(name, key)
        require_key_id(name, key_id, verifier.key_id)
        return verifier

    def to_text(self) -> str:
        """Return the verifier-key line, without a line feed."""
        return f"{self.name}+{self.key_id.hex()}+{write_base64(bytes([ED25519]) + self.public_key)}"

    def accepts(self, message: bytes, signature: bytes) -> bool:
        """Say whether the signature over the message is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """An Ed25519 private key in memory; its text and seed never appear in a representation or an error."""

    verifier: Verifier
    _key: Ed25519PrivateKey = field(repr=False, compare=False)

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> "Signer":
        """Return the signer whose private key is the 32-byte `seed`."""
        if len(seed) != 32:
            raise Malformed(f"an Ed25519 seed has 32 bytes, not {len(seed)}")
        key = Ed25519PrivateKey.from_private_bytes(seed)
        return cls(Verifier(name, key.public_key().public_bytes_raw()), key)

    @classmethod
    def from_text(cls, text: str) -> "Signer":
        """Read `PRIVATE+KEY+<name>+<key id>+<base64>`; one final line feed is allowed."""
        parts = text.removesuffix("\n").split("+", 4)
        if parts[:2] != ["PRIVATE", "KEY"]:
            raise Malformed("the private key does not start with PRIVATE+KEY+")
        name, key_id, seed = read_key(parts[2:], "private key")
        signer = cls.from_seed(name, seed)
        require_key_id(name, key_id, signer.verifier.key_id)
        return signer

    def to_text(self) -> str:
        """Return the `PRIVATE+KEY` line, without a line feed."""
        seed = write_base64(bytes([ED25519]) + self._key.private_bytes_raw())
        return f"PRIVATE+KEY+{self.verifier.name}+{self.verifier.key_id.hex()}+{seed}"

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of the message."""
        return self._key.sign(message)


def generate_signer(name: str) -> Signer:
    """Return a signer with a fresh key from the operating system's randomness."""
    return Signer.from_seed(name, Ed25519PrivateKey.generate().private_bytes_raw())


def read_verifiers(data: bytes) -> tuple[Verifier, ...]:
    """Return the keys of a file of verifier-key lines, at least one; the last line feed may be missing."""
    lines = read_utf8(data, "the verifier-key file", _MAX_KEYS_BYTES).removesuffix("\n").split("\n")
    return tuple(Verifier.from_text(line) for line in lines)


def key_id_of(name: str, kind: int, public_key: bytes) -> bytes:
    """The 4 bytes that stand for a key of a type; `Malformed` for a name or an Ed25519 key that no note can carry."""
    require_name(name)
    if len(public_key) != 32:
        raise Malformed(f"an Ed25519 public key has 32 bytes, not {len(public_key)}")
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public_key).digest()[:4]


def require_name(name: str) -> None:
    """Raise `Malformed` unless a note can carry the key name."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Malformed("the key name is not Unicode text") from error
    if not name or "+" in name or any(char.isspace() or char < " " for char in name):
        raise Malformed(f"a key name is not empty and has no space, control character or plus sign: {name[:80]!r}")


def read_key(parts: list[str], what: str, kind: int = ED25519) -> tuple[str, str, bytes]:
    """Name, key id and 32 bytes of a key of this type, from the parts of its text."""
    # Errors here name the part, never its text: the text may be a private key.
    if len(parts) != 3:
        raise Malformed(f"the {what} is not name, key id and base64 joined by plus signs")
    name, key_id, encoded = parts
    require_name(name)
    if not _KEY_ID.fullmatch(key_id):
        raise Malformed(f"the key id of {what} {name!r} is not 8 lower-case hex digits")
    try:
        data = read_base64(encoded, what)
    except Malformed:
        raise Malformed(f"the key of {what} {name!r} is not canonical base64") from None
    if len(data) != 33 or data[0] != kind:
        raise Malformed(f"the {what} {name!r} is not an Ed25519 key (type 0x{kind:02x} and 32 bytes)")
    return name, key_id, data[1:]


def require_key_id(name: str, said: str, key_id: bytes) -> None:
    """Raise `Malformed` unless a key's text says the key id that its key and name give."""
    if said != key_id.hex():
        raise Malformed(f"the key id of {name!r} is {said}, but its key and name give {key_id.hex()}")
