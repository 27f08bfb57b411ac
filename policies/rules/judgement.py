# SPDX-License-Identifier: Apache-2.0
"""What a rule says of a target. A rule returns one `Judgement`, made by one of the functions here.

A pass says what it rests on: `verified` if the gate computed, hashed or checked it itself, `self_reported` if it only
read what the card says. No judgement says that anything is compliant.
"""

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct

from policies.place import Place


class Basis(Enum):
    """What a judgement rests on."""

    VERIFIED = "verified"
    SELF_REPORTED = "self-reported"
    ABSENT = "absent"
    """What the rule asks for is not there at all."""


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong: where, what was seen, what was wanted, and how to mend it."""

    place: Place
    message: str
    """One sentence without a full stop, lower case: ``next_review is in the past``."""
    wanted: str
    seen: str | None = None
    """The value as it stands there; None when there is none."""
    mend: str | None = None
    """What to do here; None when the rule's remediation says all there is to say."""


class Judgement(Struct, frozen=True, kw_only=True):
    """Findings make a failure; a reason makes the rule not applicable; otherwise it passed."""

    findings: tuple[Finding, ...] = ()
    basis: Basis = Basis.VERIFIED
    note: str | None = None
    """What was established, in words for an auditor: ``accuracy 0.984 again from the model, 500 rows``."""
    not_applicable: str | None = None


def verified(note: str) -> Judgement:
    """The rule holds, and the gate established it itself."""
    return Judgement(note=note)


def self_reported(note: str) -> Judgement:
    """The rule holds as far as the card says; nothing but the card bears it out."""
    return Judgement(basis=Basis.SELF_REPORTED, note=note)


def not_applicable(reason: str) -> Judgement:
    """The rule asks nothing of this target; the reason is never empty."""
    return Judgement(not_applicable=reason)


def failed(*findings: Finding, basis: Basis = Basis.VERIFIED) -> Judgement:
    """The rule does not hold, for at least one reason."""
    return Judgement(findings=findings, basis=Basis.ABSENT if all(f.seen is None for f in findings) else basis)


def judged(findings: Iterable[Finding], otherwise: Judgement) -> Judgement:
    """Failed if there is any finding, else what is given."""
    found = tuple(findings)
    return failed(*found, basis=otherwise.basis) if found else otherwise
