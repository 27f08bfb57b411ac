# SPDX-License-Identifier: Apache-2.0
"""Approvals: a DSSE envelope over an in-toto statement that binds card, artifact and every evidence file by digest.

`write_approval` signs one, `read_approval` gives it back only if its signature is by the listed approver whom it names.
What it binds is compared with the bundle by the rules; nothing here knows a bundle.
"""

import datetime as dt
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from contracts.canonical import parse_json
from contracts.errors import ContractError, CountersignError
from contracts.model_card_serving import Sha256, Text
from policies.governance.governance import Approver, RefusedApproval, SignedApproval
from policies.place import Place
from policies.verdict.dsse import IN_TOTO, sign, verify
from policies.verdict.signing_keys import PrivateKey, parse_public_key

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://countersign.dev/approval/v1"


class _Digest(Struct, frozen=True, forbid_unknown_fields=True):
    sha256: Sha256


class _Subject(Struct, frozen=True, forbid_unknown_fields=True):
    name: Text
    digest: _Digest


class _Predicate(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    approver: Text
    duty: Text
    model: Text
    decision: Literal["approved"]
    decided: dt.date
    note: Text | None = None


class _Statement(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    type: Literal["https://in-toto.io/Statement/v1"] = msgspec.field(default=STATEMENT, name="_type")
    subject: Annotated[tuple[_Subject, ...], Meta(min_length=1)]
    predicateType: Literal["https://countersign.dev/approval/v1"] = PREDICATE
    predicate: _Predicate


class Decision(Struct, frozen=True, kw_only=True):
    """What an approver signs. ``subjects`` is SHA-256 by file name of everything that was looked at."""

    approver: str
    duty: str
    model: str
    decided: dt.date
    subjects: dict[str, str]
    note: str | None = None


def write_approval(decision: Decision, key: PrivateKey) -> bytes:
    """The signed envelope: one line of JSON."""
    statement = _Statement(
        subject=tuple(_Subject(name, _Digest(digest)) for name, digest in sorted(decision.subjects.items())),
        predicate=_Predicate(
            approver=decision.approver,
            duty=decision.duty,
            model=decision.model,
            decision="approved",
            decided=decision.decided,
            note=decision.note,
        ),
    )
    return sign(IN_TOTO, msgspec.json.encode(statement), key)


def read_approval(data: bytes, place: Place, approvers: tuple[Approver, ...]) -> SignedApproval | RefusedApproval:
    """The approval in an envelope, or why it counts for nothing."""
    keys = {a.key_id: parse_public_key(a.public_key.encode(), a.name) for a in approvers}
    try:
        opened = verify(data, keys)
        parse_json(opened.payload)  # msgspec alone would take the last of two equal keys
        statement = msgspec.json.decode(opened.payload, type=_Statement)
    except msgspec.ValidationError as error:
        return RefusedApproval(place=place, reason=f"is no approval: {error}")
    except (ContractError, CountersignError) as error:
        return RefusedApproval(place=place, reason=str(error))
    named = statement.predicate
    signer = next(a for a in approvers if a.key_id == opened.key_ids[0])
    subjects = {subject.name: subject.digest.sha256 for subject in statement.subject}
    reason = _reason(named, signer, opened.key_ids, len(statement.subject) - len(subjects))
    if reason is not None:
        return RefusedApproval(place=place, reason=reason)
    return SignedApproval(
        approver=signer, decided=named.decided, model=named.model, subjects=subjects, note=named.note, place=place
    )


def _reason(named: _Predicate, signer: Approver, key_ids: tuple[str, ...], repeated: int) -> str | None:
    if len(key_ids) != 1:
        return f"carries {len(key_ids)} signatures; an approval is one person's: write one file each"
    if (named.approver, named.duty) != (signer.name, signer.duty):
        return f"speaks for {named.approver!r} ({named.duty}), but the key is that of {signer.name!r} ({signer.duty})"
    if signer.expires is not None and signer.expires < named.decided:
        return f"was decided on {named.decided}, but {signer.name!r} could approve until {signer.expires} only"
    return "binds a file twice" if repeated else None
