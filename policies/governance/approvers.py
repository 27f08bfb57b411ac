# SPDX-License-Identifier: Apache-2.0
"""Read `approvers.yaml`: who may approve and waive, in which duty, with which key.

Two entries never share a name, however it is spelled, a key or an address: one person with two names would be two pairs
of eyes. Whether a key may approve a given bundle is left to the rules.
"""

import datetime as dt
from typing import Annotated, Literal

from msgspec import Meta, Struct

from contracts.errors import SettingInvalid
from contracts.model_card_serving import Sha256, Text
from contracts.yaml_document import YamlInvalid, convert_yaml, read_yaml
from policies.errors import CannotEvaluate
from policies.governance.governance import Approver
from policies.place import Place
from policies.rules.text import plain

Duty = Literal["model owner", "model risk", "independent validation"]


class _Entry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: Text
    duty: Duty
    public_key: Text
    identities: tuple[Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$")], ...] = ()
    expires: dt.date | None = None
    demonstration: bool = False
    cards: tuple[Sha256, ...] = ()


class _File(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    schema: Literal["countersign.dev/approvers/v1"]
    approvers: tuple[_Entry, ...]


def read_approvers(data: bytes, name: str) -> tuple[Approver, ...]:
    """The approvers of a file; ``name`` is what the user calls it. Raises CannotEvaluate with file:line:column."""
    try:
        entries = convert_yaml(data, name, _File).approvers
        document = read_yaml(data, name)
    except YamlInvalid as error:
        raise CannotEvaluate(str(error)) from None
    places = (Place(name, *document.values["approvers", number]) for number in range(len(entries)))
    found = tuple(_approver(entry, place) for entry, place in zip(entries, places, strict=True))
    _refuse_one_for_two(found)
    return found


def _refuse_one_for_two(approvers: tuple[Approver, ...]) -> None:
    for number, approver in enumerate(approvers):
        for other in approvers[:number]:
            shared = {
                "name": plain(approver.name) == plain(other.name),
                "key": approver.key_id == other.key_id,
                "address": not set(approver.identities).isdisjoint(other.identities),
            }
            kind = next((kind for kind, same in shared.items() if same), None)
            if kind is not None:
                raise CannotEvaluate(f"{approver.place}: the {kind} of another approver; give each their own")


def _approver(entry: _Entry, place: Place) -> Approver:
    # Imported here: a run that reads no approver pays nothing for cryptography.
    from policies.verdict.signing_keys import key_id, parse_public_key

    if entry.cards and not entry.demonstration:
        raise CannotEvaluate(
            f"{place}: `cards` belongs to a demonstration key; remove it, or say `demonstration: true`"
        )
    try:
        key = parse_public_key(entry.public_key.encode(), f"public_key of {entry.name!r}")
    except SettingInvalid as error:
        raise CannotEvaluate(f"{place}: {error}") from None
    return Approver(
        name=entry.name,
        duty=entry.duty,
        key_id=key_id(key),
        public_key=entry.public_key,
        identities=tuple(identity.casefold() for identity in entry.identities),
        expires=entry.expires,
        demonstration=entry.demonstration,
        cards=entry.cards,
        place=place,
    )
