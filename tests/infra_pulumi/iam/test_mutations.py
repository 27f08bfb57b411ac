# SPDX-License-Identifier: Apache-2.0
"""The decision table notices: every kind of right too many, in every document, changes what it says."""

from collections.abc import Iterator
from copy import deepcopy
from fnmatch import fnmatchcase
from typing import NamedTuple

from infra_pulumi.iam.document import Document, allow
from tests.infra_pulumi.iam import documents as the
from tests.infra_pulumi.iam.decisions import (
    ALLOWED,
    LOG,
    OBJECTS,
    PAYLOAD,
    SIGNING,
    STATE,
    as_list,
    expected,
    known,
    listed,
    places,
    request,
    stated,
)
from tests.infra_pulumi.iam.simulator import Row, decide

FEW = 3


class Mutant(NamedTuple):
    """A document changed in one place, and requests of the table that this should decide otherwise."""

    name: str
    document: Document
    rows: list[Row]


def extra_actions(role: str) -> Iterator[Mutant]:
    """One action more, on a resource it takes: one of each service and level; where evidence lies of each kind too."""
    seen = set()
    for action, resource in places(role):
        service = action.partition(":")[0]
        one = known()[service].actions[action]
        kind = service, one.level, one.on if service in ("dynamodb", "kms", "s3") else ()
        if kind in seen or expected(role, action, resource):
            continue
        seen.add(kind)
        name = f"{role} may {action} on {resource}"
        document = deepcopy(the.documents().identity[role])
        document["Statement"].append(allow("More", [action], [resource]))
        yield Mutant(name, document, [request(the.role(role), action, resource, name)])


def patterns(role: str) -> Iterator[Mutant]:
    """A pattern in place of actions, or of resources.

    Where a condition holds too much back, or a key its own policy, nothing more is allowed, and nothing is asked.
    """
    for number, statement in enumerate(the.documents().identity[role]["Statement"]):
        actions, resources = as_list(statement["Action"]), as_list(statement["Resource"])
        service = actions[0].partition(":")[0]
        reachable = [
            (action, resource)
            for action, resource in places(role)
            if action.startswith(f"{service}:") and not expected(role, action, resource)
        ]
        if service == "kms" or "Condition" in statement:
            reachable = []
        there = [place for place in reachable if any(fnmatchcase(place[1], one) for one in resources)]
        yield from (_replaced(role, number, "Action", pattern, there) for pattern in (f"{service}:*", "*"))
        if resources != ["*"]:
            yield _replaced(role, number, "Resource", "*", [place for place in reachable if place[0] in actions])


def _replaced(role: str, number: int, key: str, pattern: str, reached: list[tuple[str, str]]) -> Mutant:
    name = f"{role}, statement {number}: {key} {pattern}"
    document = deepcopy(the.documents().identity[role])
    document["Statement"][number][key] = [pattern]
    return Mutant(name, document, [request(the.role(role), *place, name) for place in reached[:FEW]])


def test_a_right_too_many_fails_the_table() -> None:
    """Each mutant differs from the table as it is written, and the rows say what comes of it."""
    extra = [mutant for role in ALLOWED for mutant in extra_actions(role)]
    wider = [mutant for role in ALLOWED for mutant in patterns(role)]
    assert len(extra) > 20 * len(ALLOWED)
    for mutant in (*extra, *wider):
        assert listed(mutant.document) != stated(mutant.name.split(" may ")[0].split(",")[0]), mutant.name
    asked = [mutant for mutant in (*extra, *wider) if mutant.rows]
    assert len(asked) > len(extra) + 2 * len(ALLOWED)
    found = _decided(asked)
    unnoticed = [name for name, said in found.items() if "allowed" not in said and not _held_elsewhere(name)]
    assert unnoticed == []


def _held_elsewhere(name: str) -> bool:
    """Whether a table's own policy, or the signing key's, refuses it even so; the written difference remains."""
    action, _, resource = name.partition(" may ")[2].partition(" on ")
    return (action.startswith("dynamodb:") and resource in (LOG, PAYLOAD, STATE)) or action.startswith("kms:")


def test_a_condition_less_fails_the_table() -> None:
    """The table states conditions too."""
    dropped = 0
    for role, document in the.documents().identity.items():
        for number, statement in enumerate(document["Statement"]):
            if "Condition" in statement:
                mutant = deepcopy(document)
                del mutant["Statement"][number]["Condition"]
                assert listed(mutant) != stated(role)
                dropped += 1
    assert dropped >= 5


def guards() -> Iterator[tuple[str, Mutant]]:
    """Each table's policy without one action that it denies; keys and bucket with one sentence less or more."""
    for table in (LOG, PAYLOAD, STATE):
        for number, statement in enumerate(the.documents().guards[table]["Statement"]):
            for action in statement["Action"]:
                document = deepcopy(the.documents().guards[table])
                document["Statement"][number]["Action"].remove(action)
                yield table, Mutant(f"{table} without {action}", document, [_administrator(action, table)])
            document = deepcopy(the.documents().guards[table])
            document["Statement"][number]["Condition"]["ArnNotEquals"]["aws:PrincipalArn"].append(the.ADMINISTRATOR)
            row = _administrator(statement["Action"][0], table)
            yield table, Mutant(f"{table}, statement {number}: one more is let through", document, [row])
    more = deepcopy(the.documents().guards[SIGNING])
    more["Statement"][0]["Action"].append("kms:Sign")
    yield SIGNING, Mutant("the account may sign", more, [_administrator("kms:Sign", SIGNING)])
    tile, checkpoint = OBJECTS.replace("*", "tile/0/000"), OBJECTS.replace("*", "checkpoints/7")
    plain = _administrator("s3:GetObject", tile, **{"aws:SecureTransport": "false"})
    unlocked = _administrator("s3:PutObject", checkpoint, **{"s3:object-lock-mode": ""})
    for number, row in enumerate((plain, unlocked)):
        less = deepcopy(the.documents().guards[the.BUCKET])
        del less["Statement"][number]
        yield the.BUCKET, Mutant(f"the bucket without statement {number}", less, [row])


def _administrator(action: str, resource: str, **context: str) -> Row:
    return request(the.ADMINISTRATOR, action, resource, "everything", **context)


def test_a_guard_less_fails_the_table() -> None:
    """What tables, keys and bucket refuse to administrators is allowed to them once the sentence is gone."""
    every = list(guards())
    assert len(every) > 40
    whole = decide(_policies(), [row for _, mutant in every for row in mutant.rows])
    assert "allowed" not in whole
    pierced = [row._replace(guard=mutant.name) for _, mutant in every for row in mutant.rows]
    found = decide({**_policies(), **{mutant.name: mutant.document for _, mutant in every}}, pierced)
    assert [row.guard for row, said in zip(pierced, found, strict=True) if said != "allowed"] == []


def _policies() -> dict[str, Document]:
    return {**the.documents().guards, "everything": the.EVERYTHING}


def _decided(mutants: list[Mutant]) -> dict[str, set[str]]:
    every = [row for mutant in mutants for row in mutant.rows]
    found: dict[str, set[str]] = {mutant.name: set() for mutant in mutants}
    policies = {**_policies(), **{mutant.name: mutant.document for mutant in mutants}}
    for row, said in zip(every, decide(policies, every), strict=True):
        found[row.identity].add(said)
    return found
