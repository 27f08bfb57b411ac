# SPDX-License-Identifier: Apache-2.0
"""Ask one witness to cosign a checkpoint (C2SP tlog-witness). Only a cosignature that verifies counts as one.

The witness is told how far it was known to have come; where it says that it came to another size (409) it is asked
again from there. What it answers beside a cosignature is its word alone, and is shown as such.
"""

import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from http.client import HTTPException
from typing import Final

from audit_sidecar.errors import AuditError, Pushback
from audit_sidecar.tlog.checkpoint import peek_checkpoint
from audit_sidecar.tlog.cosignature import cosignature_line, read_cosignatures
from audit_sidecar.tlog.errors import VerificationError
from audit_sidecar.tlog.note import parse_note
from audit_sidecar.tlog.policy import Witness
from audit_sidecar.tlog.strict import read_decimal, write_base64
from contracts.errors import SettingInvalid

Proof = Callable[[int, int], Sequence[bytes]]
"""Consistency proof from an old size to a new one."""

_LARGEST_ANSWER: Final = 16_384
_ATTEMPTS: Final = 3


class WitnessAway(Pushback):
    """The witness does not answer, or not with anything that says something about the log."""


class WitnessKnowsMore(AuditError):
    """The witness says that it saw more leaves of this log than there are: the store is an older copy, or a fork."""


class WitnessDisagrees(AuditError):
    """The witness says that this checkpoint does not extend what it saw under this log's name."""


class WitnessClient:
    """One witness, and how far it is known to have come. Use from one thread at a time."""

    def __init__(self, witness: Witness, timeout: float) -> None:
        if witness.url is None or not witness.url.startswith(("http://", "https://")):
            raise SettingInvalid(f"the witness {witness.name} has no http or https URL to submit to: {witness.url}")
        self.witness = witness
        self._url = f"{witness.url.rstrip('/')}/add-checkpoint"
        self._timeout = timeout
        self._seen = 0
        self._asking: threading.Thread | None = None

    def cosign(self, note: bytes, proof: Proof) -> bytes:
        """The witness's signature line for the checkpoint of this note, verified.

        WitnessAway, WitnessKnowsMore or WitnessDisagrees otherwise.
        """
        checkpoint = peek_checkpoint(note)
        for _ in range(_ATTEMPTS):
            old = min(self._seen, checkpoint.size)
            status, body = self._post(self._request(old, checkpoint.size, note, proof))
            if status == 200:
                line = self._verified(note, body)
                self._seen = checkpoint.size
                return line
            if status == 422:
                raise WitnessDisagrees(
                    f"the witness {self.witness.name} saw another history of {checkpoint.origin!r} than the one signed "
                    f"at size {checkpoint.size}: {_words(body)}"
                )
            if status != 409:
                raise WitnessAway(f"the witness {self.witness.name} answers {status}: {_words(body)}")
            self._seen = self._size_of(body)
            if self._seen > checkpoint.size:
                raise WitnessKnowsMore(
                    f"the witness {self.witness.name} saw {self._seen} leaves of {checkpoint.origin!r}, and the "
                    f"checkpoint has {checkpoint.size}"
                )
        raise WitnessAway(f"the witness {self.witness.name} names another size each time it is asked")

    @staticmethod
    def _request(old: int, new: int, note: bytes, proof: Proof) -> bytes:
        hashes = proof(old, new) if 0 < old < new else ()
        lines = "".join(f"{write_base64(one)}\n" for one in hashes)
        return f"old {old}\n{lines}\n".encode() + note

    def _post(self, body: bytes) -> tuple[int, bytes]:
        """What the witness answers; WitnessAway when that is not whole in time."""
        # Timeouts of sockets count from byte to byte, and looking up a name has none: a thread that is left to itself
        # is the only bound on the whole, and as a daemon it does not keep the process from ending.
        if self._asking is not None and self._asking.is_alive():
            raise WitnessAway(f"the witness {self.witness.name} has not answered an earlier question yet")
        answers: queue.SimpleQueue[tuple[int, bytes] | WitnessAway] = queue.SimpleQueue()
        self._asking = threading.Thread(target=lambda: answers.put(self._exchange(body)), daemon=True)
        self._asking.start()
        try:
            answer = answers.get(timeout=self._timeout)
        except queue.Empty:
            raise WitnessAway(f"the witness {self.witness.name} does not answer within {self._timeout:g} s") from None
        if isinstance(answer, WitnessAway):
            raise answer
        return answer

    def _exchange(self, body: bytes) -> tuple[int, bytes] | WitnessAway:
        # The constructor let only http and https through.
        request = urllib.request.Request(self._url, data=body, headers={"Content-Type": "text/plain"})  # noqa: S310
        try:
            try:
                with urllib.request.urlopen(request, timeout=self._timeout) as response:  # noqa: S310
                    return response.status, response.read(_LARGEST_ANSWER)
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read(_LARGEST_ANSWER)
        except (OSError, HTTPException, ValueError) as error:
            return WitnessAway(f"the witness {self.witness.name} cannot be reached: {error}")

    def _verified(self, note: bytes, body: bytes) -> bytes:
        cosigner = self.witness.cosigner
        try:
            text, _ = parse_note(note)
            for signature in read_cosignatures(body):
                if (signature.name, signature.key_id) == (cosigner.name, cosigner.key_id):
                    cosigner.time_of(text, signature)
                    return cosignature_line(cosigner, signature.data)
        except VerificationError as error:
            raise WitnessAway(f"the answer of the witness {self.witness.name} does not verify: {error}") from error
        raise WitnessAway(f"the answer of the witness {self.witness.name} holds no line of its key")

    def _size_of(self, body: bytes) -> int:
        try:
            return read_decimal(body.decode("ascii").removesuffix("\n"), "the size that the witness names")
        except (UnicodeDecodeError, VerificationError) as error:
            raise WitnessAway(f"the witness {self.witness.name} answers 409 without a size: {error}") from error


def _words(body: bytes) -> str:
    """An answer's first line, as far as it is fit to print."""
    text = body.decode("utf-8", "replace").partition("\n")[0][:200]
    return "".join(char if char.isprintable() else "?" for char in text) or "without a word"
