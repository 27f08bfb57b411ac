# SPDX-License-Identifier: Apache-2.0
"""Faults planted in the files of a sound log of 513 leaves, each a way in which a log can be wrong."""

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from audit_sidecar.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from audit_sidecar.tlog.keys import Signer
from audit_sidecar.tlog.note import sign_note
from audit_sidecar.tlog.tiles import decode_bundle, encode_bundle
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER

BUNDLES = ("tile/entries/000", "tile/entries/001", "tile/entries/002.p/1")
TILES = ("tile/0/000", "tile/0/001", "tile/0/002.p/1", "tile/1/000.p/2")
Plant = Callable[[Path], None]


class Fault(NamedTuple):
    """A fault, and whether Tessera's fsck finds it. Ours has to find every one."""

    plant: Plant
    tessera_finds_it: bool = True


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Rewrite one file; a change that changes nothing is no fault."""
    before = path.read_bytes()
    after = change(before)
    assert after != before
    path.unlink()
    path.write_bytes(after)


def flip(at: int, bit: int = 1) -> Callable[[bytes], bytes]:
    """Turn one bit of one byte."""

    def change(data: bytes) -> bytes:
        at_ = at % len(data)
        return data[:at_] + bytes([data[at_] ^ bit]) + data[at_ + 1 :]

    return change


def _in(name: str, change: Callable[[bytes], bytes]) -> Plant:
    return lambda log: edit(log / name, change)


def _without(name: str) -> Plant:
    return lambda log: (log / name).unlink()


def _entries(width: int, change: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], bytes]:
    """Change a bundle entry by entry; its framing stays right."""

    def rewrite(data: bytes) -> bytes:
        changed = change(decode_bundle(data, width))
        return b"".join(encode_bundle([entry]) for entry in changed)

    return rewrite


def _signed(text: Callable[[Checkpoint], str], signer: Signer = SIGNER) -> Plant:
    """Another checkpoint text under a signature that is right for it."""

    def rewrite(note: bytes) -> bytes:
        return sign_note(text(open_checkpoint(note, [SIGNER.verifier])), [signer])

    return _in("checkpoint", rewrite)


def _text(checkpoint: Checkpoint, size: str | None = None, root: str | None = None) -> str:
    encoded = base64.b64encode(checkpoint.root).decode()
    return f"{checkpoint.origin}\n{checkpoint.size if size is None else size}\n{root or encoded}\n"


def loose_base64(text: str) -> str:
    """Another spelling of the same bytes: the spare bits before the padding, which ought to be zero, are set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    body = text.rstrip("=")
    assert body != text
    return body[:-1] + alphabet[alphabet.index(body[-1]) + 1] + text[len(body) :]


def _loose_root(checkpoint: Checkpoint) -> str:
    return _text(checkpoint, root=loose_base64(base64.b64encode(checkpoint.root).decode()))


def _loose_signature(note: bytes) -> bytes:
    head, _, signature = note.decode().rstrip("\n").rpartition(" ")
    return f"{head} {loose_base64(signature)}\n".encode()


def _extra_entry(width: int) -> Callable[[bytes], bytes]:
    return _entries(width, lambda entries: [*entries, entries[0]])


def _misplaced(log: Path) -> None:
    edit(log / BUNDLES[0], lambda _: (log / BUNDLES[1]).read_bytes())


def _another_log(log: Path) -> None:
    """A checkpoint of the same tree under another origin, signed by that origin's key."""
    other = Signer.from_seed("log.example.com/other", bytes(range(32)))
    checkpoint = open_checkpoint((log / "checkpoint").read_bytes(), [SIGNER.verifier])
    (log / "checkpoint").write_bytes(sign_checkpoint(checkpoint._replace(origin=other.verifier.name), [other]))


FAULTS: Mapping[str, Fault] = {
    **{f"one bit of {name}": Fault(_in(name, flip(-1))) for name in (*BUNDLES, *TILES)},
    **{f"one bit in the middle of {name}": Fault(_in(name, flip(4000))) for name in (*BUNDLES[:2], *TILES[:2])},
    **{f"no {name}": Fault(_without(name)) for name in (*BUNDLES, *TILES, "checkpoint")},
    **{f"{name} cut short": Fault(_in(name, lambda data: data[:-1])) for name in (*BUNDLES, *TILES)},
    **{f"nothing in {name}": Fault(_in(name, lambda data: b"")) for name in (*BUNDLES, *TILES, "checkpoint")},
    **{f"junk after {name}": Fault(_in(name, lambda data: data + b"\0")) for name in (*BUNDLES, *TILES[:2])},
    "length prefix of a first entry": Fault(_in(BUNDLES[0], flip(1))),
    "a bundle one entry short": Fault(_in(BUNDLES[0], _entries(256, lambda entries: entries[:-1]))),
    "two entries exchanged": Fault(_in(BUNDLES[0], _entries(256, lambda e: [e[1], e[0], *e[2:]]))),
    "an entry said twice": Fault(_in(BUNDLES[1], _entries(256, lambda e: [e[0], e[0], *e[2:]]))),
    "two hashes exchanged": Fault(_in(TILES[0], lambda data: data[32:64] + data[:32] + data[64:])),
    "a full bundle of another place": Fault(_misplaced),
    "a larger size": Fault(_in("checkpoint", lambda note: note.replace(b"\n513\n", b"\n514\n"))),
    "a smaller size": Fault(_in("checkpoint", lambda note: note.replace(b"\n513\n", b"\n512\n"))),
    "a larger size, signed": Fault(_signed(lambda c: _text(c, "514"))),
    "a smaller size, signed": Fault(_signed(lambda c: _text(c, "512"))),
    "another root, signed": Fault(_signed(lambda c: _text(c._replace(root=bytes(32))))),
    "the root in hex, signed": Fault(_signed(lambda c: _text(c, root=c.root.hex()))),
    "a root cut short, signed": Fault(_signed(lambda c: _text(c._replace(root=c.root[:31])))),
    "a negative size, signed": Fault(_signed(lambda c: _text(c, "-513"))),
    "a size with a sign, signed": Fault(_signed(lambda c: _text(c, "+513"))),
    "one bit of the origin": Fault(_in("checkpoint", flip(0))),
    "one bit of the signature": Fault(_in("checkpoint", lambda note: flip(note.rindex(b" ") + 20, 2)(note))),
    "another origin": Fault(_in("checkpoint", lambda note: note.replace(ORIGIN.encode(), b"log.example.com/tess"))),
    "another log": Fault(_another_log),
    "another key of the same name": Fault(_signed(_text, Signer.from_seed(ORIGIN, bytes(32)))),
    "no signature": Fault(_in("checkpoint", lambda note: note[: note.index(b"\n\n") + 2])),
    "no blank line": Fault(_in("checkpoint", lambda note: note.replace(b"\n\n", b"\n"))),
    "junk after the signature": Fault(_in("checkpoint", lambda note: note + b"junk\n")),
    "a byte after the signature": Fault(_in("checkpoint", lambda note: note + b"x")),
    "lines that end as on Windows": Fault(_in("checkpoint", lambda note: note.replace(b"\n", b"\r\n"))),
    "a checkpoint that is no text": Fault(_in("checkpoint", lambda note: b"\xff\xfe" + note)),
    # What follows is wrong too, but Tessera's fsck lets it pass.
    **{
        f"junk after {name}": Fault(_in(name, lambda data: data + b"\0"), tessera_finds_it=False) for name in TILES[2:]
    },
    "an entry too many in a partial bundle": Fault(_in(BUNDLES[2], _extra_entry(1)), tessera_finds_it=False),
    "a size that starts with zero, signed": Fault(_signed(lambda c: _text(c, "0513")), tessera_finds_it=False),
    "a root in loose base64, signed": Fault(_signed(_loose_root), tessera_finds_it=False),
    "a signature in loose base64": Fault(_in("checkpoint", _loose_signature), tessera_finds_it=False),
}  # fmt: skip
