# SPDX-License-Identifier: Apache-2.0
"""A real sidecar and a real witness: every checkpoint is cosigned, a store that was set back or forked never signs."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit_sidecar.tlog.checkpoint import peek_checkpoint
from audit_sidecar.tlog.cosignature import cosigned_times
from audit_sidecar.tlog.errors import BadSignature, Malformed
from audit_sidecar.tlog.note import parse_note
from contracts import metrics as names
from contracts.receipt import parse_receipt
from tests.conformance.outside import judge
from tests.conformance.witness.omniwitness import Omniwitness
from tests.end_to_end.living import LOYAL, Living, Process, ask, await_true, await_value, countersign


class Witnessed(Living):
    """A stack whose checkpoints a witness sees."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.vkey = self.state.log_vkey.read_text().strip()
        self.witness = Omniwitness(folder / "witness", self.vkey)
        self.policy = folder / "policy"
        self.policy.write_text(self.witness.policy)
        self.sidecar = self.sidecar_on(self.state.store)

    def sidecar_on(self, store: str, witnessed: bool = True) -> Process:
        """A sidecar of this log's key on a store."""
        program = self.stack.sidecar()
        arguments = [store if part == self.state.store else part for part in program.arguments]
        arguments += ["--witnesses", str(self.policy)] if witnessed else []
        return Process(program._replace(arguments=arguments), self.folder / "sidecar.log")

    def checkpoint(self) -> bytes:
        """What is served at the place where C2SP readers look."""
        reply = ask("GET", f"{self.stack.audit_url}/log/checkpoint")
        assert reply.status == 200
        body: bytes = reply.body
        return body

    def cosigned(self, size: int) -> bytes:
        """The checkpoint that is served, once it is cosigned and has this many leaves."""

        def good(note: bytes) -> bool:
            return peek_checkpoint(note).size >= size and bool(cosigned_times(note, (self.witness.cosigner,)))

        return await_value(self.checkpoint, good)

    def answered(self) -> int:
        """Answer once; its leaf index."""
        reply = self.predict(LOYAL)
        assert reply.status == 200, reply
        index: int = reply.body["evidence"]["index"]
        return index

    def metric(self, name: str) -> float:
        """A metric of the sidecar."""
        text = ask("GET", f"{self.stack.audit_url}/metrics").body.decode()
        return float(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")))

    def refused(self, sidecar: Process) -> str:
        """What a sidecar says that does not start."""
        sidecar.spawn()
        assert sidecar.wait() == 2
        return sidecar.log()

    def end(self) -> None:
        """Leave no process behind, whatever became of the sidecar in the meantime."""
        self.witness.kill()
        super().end()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Witnessed]:
    """A stack and its witness, running."""
    made = Witnessed(tmp_path)
    try:
        made.witness.start()
        made.start()
        yield made
    finally:
        made.end()


def test_what_is_served_is_cosigned_and_strangers_verify_it(stack: Witnessed) -> None:
    """Our code, x/mod's notes and transparency-dev's formats read the same cosigned checkpoint; no bit is loose."""
    note = stack.cosigned(stack.answered() + 1)
    checkpoint, (text, signatures) = peek_checkpoint(note), parse_note(note)
    assert len(signatures) == 2
    (when,) = cosigned_times(note, (stack.witness.cosigner,)).values()
    assert abs(time.time() - when) < 3600
    asked = {"vkey": stack.vkey, "origin": checkpoint.origin}
    witness = stack.witness.cosigner.to_text()
    flipped = bytearray(note)
    flipped[-20] ^= 1
    (plain,) = judge("sumdb", [{"ask": "note", "text": note, **asked}])
    good, wrong, without = judge(
        "formats",
        [
            {"ask": "cosignature", "text": note, "witness": witness, **asked},
            {"ask": "cosignature", "text": bytes(flipped), "witness": witness, **asked},
            {"ask": "cosignature", "text": note[: note.rindex("—".encode())], "witness": witness, **asked},
        ],
    )
    assert plain.accepted
    assert (good.accepted, good.size, good.root) == (True, checkpoint.size, checkpoint.root)
    assert not wrong.accepted
    assert not without.accepted
    with pytest.raises((BadSignature, Malformed)):  # the other bit may make it no base64 at all
        cosigned_times(bytes(flipped), (stack.witness.cosigner,))
    assert text.startswith(f"{checkpoint.origin}\n")


def test_growth_is_proved_step_by_step_and_receipts_carry_the_witness(stack: Witnessed) -> None:
    """The witness follows from size to size; a receipt's checkpoint carries its line; fsck and verify take a policy."""
    sizes = [peek_checkpoint(stack.cosigned(stack.answered() + 1)).size for _ in range(3)]
    assert sizes == sorted(set(sizes))
    answer = stack.predict(LOYAL)
    stack.cosigned(answer.body["evidence"]["index"] + 1)
    receipt = stack.folder / "receipt"
    receipt.write_bytes(stack.receipt(answer.body["request_id"]))
    proof = parse_receipt(receipt.read_bytes()).proof.encode()
    assert stack.witness.cosigner.name in proof.decode()
    policy, key = ("--witnesses", str(stack.policy)), ("--key", str(stack.state.log_vkey))
    verified = countersign("audit", "verify", str(receipt), *key, *policy)
    assert (verified.returncode, "witness" in verified.stdout) == (0, True), verified
    assert stack.metric(names.AUDIT_WITNESSED_SIZE) >= sizes[-1]


def test_a_witness_that_is_away_holds_nothing_up_and_is_taken_again(stack: Witnessed) -> None:
    """Killed or frozen: answers and checkpoints go on, the age shows; nobody restarts the sidecar."""
    size = peek_checkpoint(stack.cosigned(stack.answered() + 1)).size
    moods: list[tuple[Callable[[], None], Callable[[], None]]] = [
        (stack.witness.kill, stack.witness.start),
        (stack.witness.freeze, stack.witness.thaw),
    ]
    for leave, come_back in moods:
        witnessed = stack.metric(names.AUDIT_WITNESSED_SIZE)
        leave()
        last = [stack.answered() for _ in range(5)][-1]
        note = await_value(stack.checkpoint, lambda found, last=last: peek_checkpoint(found).size > last)  # type: ignore[misc]
        assert not cosigned_times(note, (stack.witness.cosigner,))
        assert stack.sidecar.is_ready()
        assert stack.metric(names.AUDIT_WITNESSED_SIZE) == witnessed
        come_back()
        size = peek_checkpoint(stack.cosigned(stack.answered() + 1)).size
        assert size > witnessed
    assert stack.metric(names.AUDIT_WITNESS_DISAGREEMENTS) == 0
    stack.stop()
    assert stack.fsck().returncode == 0


def test_an_older_copy_of_the_store_never_signs(stack: Witnessed) -> None:
    """The witness saw more: the start is refused with what happened and what to do, and the witness saw nothing new."""
    stack.cosigned(stack.answered() + 1)
    stack.stop()
    shutil.copy(stack.state.store_file, stack.folder / "older.db")
    stack.start()
    stack.cosigned(stack.answered() + 1)
    stack.stop()
    said = stack.refused(stack.sidecar_on(f"sqlite:///{stack.folder}/older.db"))
    assert "older copy" in said
    assert "store init" in said
    stack.sidecar.start()
    stack.service.start()
    stack.cosigned(stack.answered() + 1)


def test_a_fork_never_signs(stack: Witnessed) -> None:
    """Another store under the same key: new and empty, or grown past the real one, both are refused at the start."""
    stack.cosigned(stack.answered() + 1)
    stack.stop()
    fork = f"sqlite:///{stack.folder}/fork.db"
    assert countersign("store", "init", fork, "--key", str(stack.state.log_key)).returncode == 0
    assert "saw" in stack.refused(stack.sidecar_on(fork))
    unseen = stack.sidecar_on(fork, witnessed=False)
    for _ in range(3):
        unseen.start()
        await_true(lambda: ask("GET", f"{stack.stack.audit_url}/log/checkpoint").status == 200, "it signs")
        assert unseen.stop() == 0
    said = stack.refused(stack.sidecar_on(fork))
    assert "another history" in said
    assert "store init" in said
