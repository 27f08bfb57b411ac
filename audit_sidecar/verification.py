# SPDX-License-Identifier: Apache-2.0
"""Verify a receipt offline, in numbered steps that an auditor can follow.

Needs the receipt, the log's verifier keys and nothing else: no network, no store, no third-party package but
``cryptography``. A verified receipt shows that the log held this record when its checkpoint was signed. It does not
show that the log still does (fsck does that), nor which person a pseudonym stands for (only the subject key can).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from audit_sidecar.recorded_answer import Compared, compare_answer, compare_evidence, parse_answer
from audit_sidecar.tlog.checkpoint import open_checkpoint, peek_checkpoint
from audit_sidecar.tlog.errors import VerificationError
from audit_sidecar.tlog.keys import Verifier
from audit_sidecar.tlog.merkle import leaf_hash, verify_inclusion
from audit_sidecar.tlog.policy import Policy
from audit_sidecar.tlog.proof import TlogProof, parse_proof
from contracts.commitment import commit
from contracts.errors import ContractError
from contracts.identifiers import uuid_text
from contracts.leaf import Leaf, derive_leaf, parse_leaf
from contracts.payload import Payload, parse_payload
from contracts.receipt import Receipt
from contracts.timestamps import format_time
from contracts.verification_step import Outcome, Step


class ReceiptRefused(VerificationError):
    """A receipt of which at least one step was refused; ``steps`` holds all of them."""

    def __init__(self, steps: Sequence[Step]) -> None:
        first = next(step for step in steps if step.outcome is Outcome.REFUSED)
        super().__init__(f"the receipt is refused at step {first.number}, {first.title}: {first.detail}")
        self.steps = tuple(steps)


class _NotShownError(Exception):
    """Ends a step whose evidence was left out."""


@dataclass(frozen=True, slots=True)
class _Case:
    receipt: Receipt
    verifiers: Sequence[Verifier]
    answer: dict[str, Any] | None
    policy: Policy | None


def verify_receipt(
    receipt: Receipt, verifiers: Sequence[Verifier], answer: bytes | None = None, policy: Policy | None = None
) -> list[Step]:
    """Return the steps, none of them refused; otherwise raise `ReceiptRefused` with all of them.

    ``answer`` is the JSON that a caller holds and wants compared; ContractError when it is not a JSON object. With a
    ``policy`` there is one step more: the quorum of its witnesses cosigned the checkpoint.
    """
    case = _Case(receipt, verifiers, None if answer is None else parse_answer(answer), policy)
    checks = _CHECKS if policy is None else (*_CHECKS, ("witnesses", _check_witnesses))
    steps = [_take(number, title, check, case) for number, (title, check) in enumerate(checks, start=1)]
    if any(step.outcome is Outcome.REFUSED for step in steps):
        raise ReceiptRefused(steps)
    return steps


def _take(number: int, title: str, check: Callable[[_Case], str | Compared], case: _Case) -> Step:
    try:
        found = check(case)
        if isinstance(found, str):
            return Step(number, title, Outcome.VERIFIED, found)
        return Step(number, title, Outcome.VERIFIED, _spell(found), found.not_shown)
    except _NotShownError as error:
        return Step(number, title, Outcome.NOT_SHOWN, str(error), title)
    except (VerificationError, ContractError) as error:
        return Step(number, title, Outcome.REFUSED, str(error))


# (1): the leaf is canonical and says of the record only what the payload says.
def _check_leaf(case: _Case) -> str:
    leaf = parse_leaf(case.receipt.leaf)
    if case.receipt.payload is None:
        return f"{_describe(leaf)}; the payload was not shown, so its fields are the log's word"
    derived = derive_leaf(_payload(case), leaf.commitment, leaf.kind)
    wrong = [name for name in Leaf._fields if getattr(derived, name) != getattr(leaf, name)]
    if wrong:
        raise VerificationError(f"the leaf's {', '.join(wrong)} differs from what its payload says")
    return f"{_describe(leaf)}; every field is the payload's"


# (2): the leaf commits to exactly this payload.
def _check_commitment(case: _Case) -> str:
    if case.receipt.salt is None or case.receipt.payload is None:
        raise _NotShownError("the receipt is closed: it holds neither salt nor payload")
    claimed = parse_leaf(case.receipt.leaf).commitment
    computed = commit(case.receipt.salt, case.receipt.payload)
    if computed != claimed:
        raise VerificationError(f"the payload commits to {computed.hex()}, the leaf to {claimed.hex()}")
    return f"{computed.hex()} from the salt and {len(case.receipt.payload)} bytes of payload"


# (3): the leaf stands at its index in the tree that the checkpoint claims.
def _check_inclusion(case: _Case) -> str:
    proof = _proof(case)
    claimed = peek_checkpoint(proof.checkpoint)
    verify_inclusion(leaf_hash(case.receipt.leaf), proof.index, claimed.size, claimed.root, proof.hashes)
    return f"leaf {proof.index} of {claimed.size}, root {claimed.root.hex()}"


# (4): a given key of the log signed that checkpoint; only now does (3) mean anything.
def _check_signature(case: _Case) -> str:
    checkpoint = open_checkpoint(_proof(case).checkpoint, case.verifiers)
    return f"checkpoint of {checkpoint.origin}, size {checkpoint.size}, signed by a given key"


# (5): the answer that the caller holds is the one that was recorded.
def _check_answer(case: _Case) -> Compared:
    if case.answer is None:
        raise _NotShownError("no answer was given to compare")
    proof = _proof(case)
    origin = peek_checkpoint(proof.checkpoint).origin
    compare_evidence(case.answer, origin, proof.index, leaf_hash(case.receipt.leaf))
    if case.receipt.payload is None:
        raise VerificationError("the receipt is closed, so it cannot show what was answered; ask for an open one")
    # Attributes of a foreign span are a stranger's words: only the leaf's kind says that a producer wrote them.
    if (kind := parse_leaf(case.receipt.leaf).kind) != "prediction":
        raise VerificationError(f"the record is of kind {kind}, which holds no answer")
    return compare_answer(case.answer, _payload(case).span)


# (6): witnesses saw that checkpoint as part of the one history they know of this log.
def _check_witnesses(case: _Case) -> str:
    assert case.policy is not None
    cosigned = case.policy.require_quorum(_proof(case).checkpoint)
    if not cosigned:
        raise _NotShownError("the policy asks for no witness, and none cosigned")
    return ", ".join(f"{name} at {format_time(time * 1_000_000_000)}" for name, time in cosigned.items())


_CHECKS: tuple[tuple[str, Callable[[_Case], str | Compared]], ...] = (
    ("leaf", _check_leaf),
    ("commitment", _check_commitment),
    ("inclusion", _check_inclusion),
    ("signature", _check_signature),
    ("answer", _check_answer),
)


def _payload(case: _Case) -> Payload:
    return parse_payload(case.receipt.payload or b"")


def _proof(case: _Case) -> TlogProof:
    # JSON can spell lone surrogates; as bytes they are simply not UTF-8, which the parser refuses.
    return parse_proof(case.receipt.proof.encode("utf-8", "surrogatepass"))


def _spell(compared: Compared) -> str:
    left = "" if compared.not_shown is None else f"; {compared.not_shown!r} is not in the record and is not shown"
    return f"all {compared.equal} recorded members are equal{left}"


def _describe(leaf: Leaf) -> str:
    about = f" {uuid_text(leaf.id)}" if leaf.id is not None else ""
    place = f", stream {uuid_text(leaf.stream)} seq {leaf.seq}" if leaf.stream is not None else ""
    return f"{leaf.kind}{about} of {format_time(leaf.time)}{place}"
