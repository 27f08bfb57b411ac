# SPDX-License-Identifier: Apache-2.0
"""What the programs ask AWS for is what their roles may do: no less, and no more without a reason.

Nothing that answers here enforces a policy, so calls are recorded and each is decided over the documents.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from fnmatch import fnmatchcase
from typing import NamedTuple

import pytest

from audit_sidecar.archive.anchor_place import anchor_place
from audit_sidecar.archive.archiver import Archiver
from audit_sidecar.archive.elsewhere import known_elsewhere
from audit_sidecar.archive.location import open_archive
from audit_sidecar.fsck.check import check_log
from audit_sidecar.fsck.location import open_log
from audit_sidecar.fsck.store import check_store
from audit_sidecar.kms_signer import open_kms_signer
from audit_sidecar.publish.anchor import Anchor
from audit_sidecar.stores.dynamodb import segments
from audit_sidecar.stores.dynamodb.segments import Shape
from audit_sidecar.stores.url import create_store, migrate_store, open_indexer, open_reader, store_status
from infra_pulumi.iam.document import allow, document
from tests import key_service
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER
from tests.audit_sidecar.producers import Log, Producer, foreign, sidecar_of, stranger
from tests.audit_sidecar.stores.dynamodb_local import running
from tests.infra_pulumi.iam import documents as the
from tests.infra_pulumi.iam.decisions import ALLOWED, request, stated
from tests.infra_pulumi.iam.recorded import Call, recorded
from tests.infra_pulumi.iam.simulator import decide

STORE = f"dynamodb://{the.PREFIX}?region={the.REGION}"
ARCHIVE = f"s3://{the.PREFIX}-archive/log?region={the.REGION}"
KEYS = [SIGNER.verifier]


class Calls(NamedTuple):
    """Of the person who begins the log, of the sidecar, and of whoever reads."""

    initial: list[Call]
    sidecar: list[Call]
    reading: list[Call]


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    """A whole life: a log is begun, grows under a sidecar and its successor, is archived, and is read and checked."""
    with ExitStack() as stack:
        database = stack.enter_context(running())
        patched = stack.enter_context(pytest.MonkeyPatch.context())
        patched.setattr(segments, "SHAPE", Shape(commits=1, block=2))  # so that so few commits are indexed
        for name, value in database.environment().items():
            patched.setenv(name, value)
        patched.setenv("AWS_ENDPOINT_URL_KMS", stack.enter_context(key_service.serving(key_service.KeyService())))
        every = stack.enter_context(recorded())
        create_store(STORE, ORIGIN)
        initial = _taken(every)
        _live()
        sidecar = _taken(every)
        _read()
        yield Calls(initial, sidecar, _taken(every))


def _live() -> None:
    log = sidecar_of(STORE)
    anchor = Anchor(anchor_place(ARCHIVE), log.reader, KEYS, shared=True)
    anchor.load()
    open_archive(ARCHIVE).require_lock()
    log.send(Producer(1).export(*range(300)))
    log.send(Producer(1).export(305, 3))
    log.send(stranger(foreign(1), foreign(1, "other")))
    _publish(log, anchor)
    indexer = open_indexer(STORE)
    assert indexer is not None
    assert indexer.catch_up().commits == 0
    log.reload()
    log.send(Producer(2).export(0, 1))
    log.send(Producer(1).export(4))
    log.send(stranger(foreign(1), foreign(2, "later")))  # looked up in the index, which has caught up by now
    _publish(log, anchor)
    log.writer.close()
    open_kms_signer(ORIGIN, key_service.ARN).sign(b"a note\n")


def _publish(log: Log, anchor: Anchor) -> None:
    log.publish_now()
    signed = log.reader.checkpoint()
    assert signed is not None
    anchor.keep(signed.note)
    assert Archiver(log.reader, open_archive(ARCHIVE), KEYS).catch_up().size == signed.size


def _read() -> None:
    check_store(open_reader(STORE), KEYS)
    store_status(STORE)
    migrate_store(STORE)
    check_log(open_log(ARCHIVE), KEYS)
    assert known_elsewhere([ARCHIVE], KEYS)


def _taken(calls: list[Call]) -> list[Call]:
    taken, calls[:] = calls[:], []
    return taken


def refused(role: str, made: list[Call]) -> set[tuple[str, str]]:
    """What the role's calls need and AWS would not let it do."""
    needs = {(action, resource, tuple(context.items())) for call in made for action, resource, context in call.needs}
    asked = [request(the.role(role), action, thing, role, **dict(said)) for action, thing, said in sorted(needs)]
    policies = {**the.documents().identity, **the.documents().guards}
    decisions = decide(policies, asked)
    return {(row.action, row.resource) for row, said in zip(asked, decisions, strict=True) if said != "allowed"}


def test_every_call_of_the_sidecar_is_allowed(calls: Calls) -> None:
    """Log, payloads, state, archive, anchor and signatures."""
    assert refused("sidecar", calls.sidecar) == set()


def test_every_call_of_a_reader_is_allowed(calls: Calls) -> None:
    """fsck of store and archive, what is known elsewhere, and the store's status."""
    assert refused("read-side", calls.reading) == set()


def unused(role: str, made: list[Call]) -> set[tuple[str, str]]:
    """What the table lets a role do and none of its calls needs."""
    needed = {(action, resource) for call in made for action, resource, _ in call.needs}
    return {
        (action, pattern)
        for action, pattern, _ in stated(role)
        if not any(action == used and fnmatchcase(resource, pattern) for used, resource in needed)
    }


UNCALLED = {
    "service": "a model that calls an endpoint or a guardrail names it in the stack's settings; ours calls neither",
    "eraser": "no program erases in DynamoDB yet; the role has what rewriting and deleting payloads will take",
    "argocd": "Argo CD's own calls: those that AWS names for pulling, and DescribeImages for the tags there are",
    "flow-log": "AWS's own calls, for the role that VPC flow logs take on",
}
"""Roles whose calls are not ours to record, or not made yet."""


def test_what_is_allowed_is_called(calls: Calls) -> None:
    """A right that nobody uses is taken away. Every other role says why its calls are not here."""
    assert unused("sidecar", calls.sidecar) == set()
    assert unused("read-side", calls.reading) == set()
    assert {"sidecar", "read-side", *UNCALLED} == set(ALLOWED)


def test_a_log_is_begun_by_nobody_who_runs(calls: Calls) -> None:
    """A person makes tables and begins a log, under the break-glass role: no program may do all that it takes."""
    for role in ("sidecar", "read-side", "eraser"):
        assert refused(role, calls.initial), role
    made = [need for call in calls.initial for need in call.needs if not call.operation.startswith(("Create", "Desc"))]
    asked = [request(the.BREAK_GLASS, action, thing, "everything", **dict(said)) for action, thing, said in made]
    everything = {"everything": document(allow("Everything", ["*"], ["*"]))}
    assert set(decide({**the.documents().guards, **everything}, asked)) == {"allowed"}
