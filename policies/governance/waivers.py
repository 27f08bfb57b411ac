# SPDX-License-Identifier: Apache-2.0
"""Read `waivers.yaml` and refuse what could never be a waiver: WaiversInvalid, always with file:line:column.

A waiver is asked for by one person and granted by another, who is listed as an approver; it names a rule that is there
and may be waived, holds for at most `LONGEST_DAYS`, and is bound to a subject. Whether it has expired depends on the
day, and is judged where waivers are applied.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from contracts.model_card_serving import Text
from contracts.yaml_document import YamlDocument, YamlInvalid, convert_yaml, read_yaml
from policies.errors import WaiversInvalid
from policies.governance.governance import Approver, Waiver
from policies.place import Place
from policies.rules.rule import Rule
from policies.rules.text import plain, says_nothing

LONGEST_DAYS: Final = 90
_TEXTS: Final = ("reason", "ticket", "requested_by", "compensating_control")
_BESIDE_A_NAME: Final = re.compile(r"<[^>]*>|\([^)]*\)")


class _Entry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: Text
    rule: Text
    subject: Annotated[str, Meta(pattern=r"^\S.*$", description="card digest, model_id@version, or a target's name")]
    reason: Text
    ticket: Text
    requested_by: Text
    approved_by: Text
    created: dt.date
    expires: dt.date
    compensating_control: Text


class _File(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    schema: Literal["countersign.dev/waivers/v1"]
    waivers: tuple[_Entry, ...]


def read_waivers(data: bytes, name: str) -> tuple[Waiver, ...]:
    """The waivers of a file; ``name`` is what the user calls it. Raises WaiversInvalid."""
    try:
        entries = convert_yaml(data, name, _File).waivers
        document = read_yaml(data, name)
    except YamlInvalid as error:
        raise WaiversInvalid(str(error)) from None
    waivers = tuple(_waiver(entry, document, number) for number, entry in enumerate(entries))
    for number, waiver in enumerate(waivers):
        if waiver.id in [earlier.id for earlier in waivers[:number]]:
            raise WaiversInvalid(f"{waiver.place}: the id {waiver.id} is that of another waiver; give each its own")
    return waivers


def check_waivers(waivers: Iterable[Waiver], rules: Mapping[str, Rule], approvers: Iterable[Approver]) -> None:
    """Refuse waivers of rules that are not there or may not be waived, and of people who may not grant them."""
    listed = {approver.name: approver for approver in approvers}
    for waiver in waivers:
        rule = rules.get(waiver.rule)
        if rule is None:
            raise WaiversInvalid(f"{waiver.place}: there is no rule {waiver.rule}; see `countersign check --list`")
        if not rule.waivable:
            raise WaiversInvalid(f"{waiver.place}: {rule.id} may not be waived; remove the waiver and mend the finding")
        granter = listed.get(waiver.approved_by)
        if granter is None:
            raise WaiversInvalid(
                f"{waiver.place}: approved_by {waiver.approved_by!r} is not listed in approvers.yaml; "
                "have someone grant it who is"
            )
        if granter.expires is not None and granter.expires < waiver.created:
            raise WaiversInvalid(f"{waiver.place}: {granter.name!r} could approve until {granter.expires} only")
        if _is_one_person(waiver.requested_by, granter.name, granter.identities):
            raise WaiversInvalid(f"{waiver.place}: requested and approved by the same person; have another grant it")


def _is_one_person(asked: str, granter: str, identities: tuple[str, ...] = ()) -> bool:
    """Whether a text names the granter: by name, however it is dressed, or by an address anywhere in it."""
    names = {plain(asked), plain(_BESIDE_A_NAME.sub("", asked))}
    addresses = set(re.split(r"[\s<>(),;]+", asked.casefold()))
    return plain(granter) in names or not addresses.isdisjoint(identities)


def _waiver(entry: _Entry, document: YamlDocument, number: int) -> Waiver:
    path = ("waivers", number)

    def refused(key: str, what: str) -> WaiversInvalid:
        return WaiversInvalid(f"{Place(document.name, *document.values[*path, key])}: {entry.id}: {what}")

    for key in _TEXTS:
        if says_nothing(getattr(entry, key)):
            raise refused(key, f"{key} says nothing; write it out")
    if not 0 <= (entry.expires - entry.created).days <= LONGEST_DAYS:
        latest = entry.created + dt.timedelta(days=LONGEST_DAYS)
        raise refused("expires", f"expires {entry.expires} must lie between {entry.created} and {latest}; mend it")
    if _is_one_person(entry.requested_by, entry.approved_by):
        raise refused("approved_by", "requested and approved by the same person; have another grant it")
    return Waiver(
        id=entry.id,
        rule=entry.rule,
        subject=entry.subject,
        reason=entry.reason,
        ticket=entry.ticket,
        requested_by=entry.requested_by,
        approved_by=entry.approved_by,
        created=entry.created,
        expires=entry.expires,
        compensating_control=entry.compensating_control,
        place=Place(document.name, *document.values[path]),
    )
