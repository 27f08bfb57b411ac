# SPDX-License-Identifier: Apache-2.0
"""What people decided, as the rules see it: who may approve, what was approved, what was waived."""

import datetime as dt

from msgspec import Struct

from policies.place import Place


class Approver(Struct, frozen=True, kw_only=True):
    """Someone who may approve, as `governance/approvers.yaml` lists them."""

    name: str
    duty: str
    """``model owner``, ``model risk`` or ``independent validation``."""
    key_id: str
    """SHA-256 of the DER public key, lower-case hex."""
    public_key: str
    """PEM, Ed25519 or EC P-256."""
    identities: tuple[str, ...] = ()
    """Git authors (e-mail addresses) who are this person, so that nobody approves their own work."""
    expires: dt.date | None = None
    demonstration: bool = False
    cards: tuple[str, ...] = ()
    """For a demonstration key: the card digests that profile prod accepts from it."""
    place: Place


class SignedApproval(Struct, frozen=True, kw_only=True):
    """An approval whose signature verified against the key of ``approver``."""

    approver: Approver
    decided: dt.date
    model: str
    """``model_id@version`` that the approver had in mind, also where the bytes have changed since."""
    subjects: dict[str, str]
    """SHA-256 by file name, as bound: ``card.yaml``, the artifact, every evidence file."""
    note: str | None = None
    place: Place


class RefusedApproval(Struct, frozen=True, kw_only=True):
    """An approval file that counts for nothing, and why."""

    place: Place
    reason: str


class Waiver(Struct, frozen=True, kw_only=True):
    """One accepted deviation, as `governance/waivers.yaml` has it."""

    id: str
    rule: str
    subject: str
    """A card digest (64 hex) or ``model_id@version``; for other targets the target's name or digest."""
    reason: str
    ticket: str
    requested_by: str
    approved_by: str
    created: dt.date
    expires: dt.date
    """The last day on which it holds."""
    compensating_control: str
    place: Place


class Governance(Struct, frozen=True, kw_only=True):
    """The folder `governance/` as read. Empty where there is none: then nothing is approved and nothing waived."""

    approvers: tuple[Approver, ...] = ()
    approvals: tuple[SignedApproval, ...] = ()
    refused: tuple[RefusedApproval, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    digests: dict[str, str] = {}
    """SHA-256 of each file that was read, by its path in the folder."""
    place: Place
    """The folder."""
