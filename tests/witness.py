# SPDX-License-Identifier: Apache-2.0
"""A witness on loopback, as C2SP tlog-witness describes it: it cosigns what extends what it saw, and nothing else."""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit_sidecar.tlog.checkpoint import open_checkpoint
from audit_sidecar.tlog.cosignature import Cosigner, cosignature_line, cosigned_message
from audit_sidecar.tlog.errors import VerificationError
from audit_sidecar.tlog.keys import Verifier
from audit_sidecar.tlog.merkle import EMPTY_ROOT, verify_consistency
from audit_sidecar.tlog.note import parse_note
from audit_sidecar.tlog.strict import read_decimal, read_hash
from tests.loopback import Door, serving_at

Answer = tuple[int, bytes]


class Witness:
    """Knows one log. ``mood`` makes it misbehave: ``forge``, ``other key``, ``flood``, ``silent``, ``babble``,
    ``half`` (the answer stops before its end) or ``dribble`` (it has none)."""

    def __init__(self, name: str, log: Verifier, seed: bytes = bytes(range(32, 64))) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.cosigner = Cosigner(name, self._key.public_key().public_bytes_raw())
        self._log = log
        self.size, self.root = 0, EMPTY_ROOT
        self.mood = ""
        self.asked: list[int] = []
        self.released = threading.Event()

    def answer(self, body: bytes) -> Answer:
        """Status and body for one add-checkpoint."""
        head, _, note = body.partition(b"\n\n")
        first, *lines = head.decode().split("\n")
        old = read_decimal(first.removeprefix("old "), "old")
        self.asked.append(old)
        if self.mood == "silent":
            self.released.wait(30)
        if self.mood == "babble":
            return 200, b"not a signature line\n"
        try:
            checkpoint = open_checkpoint(note, [self._log])
        except VerificationError:
            return 403, b"no signature of a known log\n"
        if old > checkpoint.size:
            return 400, b"old is larger than the checkpoint\n"
        if old != self.size:
            return 409, f"{self.size}\n".encode()
        proof = [read_hash(line, "hash") for line in lines]
        if not self._extends((checkpoint.size, checkpoint.root), proof):
            return 422, b"not consistent\n"
        self.size, self.root = checkpoint.size, checkpoint.root
        return 200, self._line(parse_note(note)[0])

    def _extends(self, new: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
        if self.size == 0:
            return not proof
        try:
            verify_consistency((self.size, self.root), new, proof)
        except VerificationError:
            return False
        return True

    def _line(self, text: str) -> bytes:
        time = 1_800_000_000
        message = cosigned_message(text + "x\n" if self.mood == "forge" else text, time)
        line = cosignature_line(self.cosigner, time.to_bytes(8) + self._key.sign(message))
        if self.mood == "other key":
            return line.replace(self.cosigner.name.encode(), b"somebody.else/w")
        return line * 200 if self.mood == "flood" else line


@contextmanager
def serving(witness: Witness) -> Iterator[str]:
    """The submission prefix under which the witness answers."""

    class Answering(Door):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            known = re.fullmatch(r"/w/add-checkpoint", self.path)
            status, data = witness.answer(body) if known else (404, b"")
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            if witness.mood == "dribble":
                self.flush_headers()
                self.wfile.write(b"X-Slow: ")
                while not witness.released.wait(0.05):
                    self.wfile.write(b"x")
                return
            self.end_headers()
            if witness.mood == "half":
                self.wfile.write(data[:-1])
                witness.released.wait(30)
                return
            self.wfile.write(data)

    with serving_at(Answering) as url:
        try:
            yield f"{url}/w"
        finally:
            witness.released.set()
