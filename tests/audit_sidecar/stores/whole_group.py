# SPDX-License-Identifier: Apache-2.0
"""A group of exports that touches everything a store keeps, and what its senders are told of it."""

from audit_sidecar.errors import AuditError, Pushback
from audit_sidecar.sequence.export import Export
from contracts.acknowledgement import Position
from tests.audit_sidecar.producers import Log, Producer, foreign, stranger

LEAVES = 7
"""Two records, a gap, two records, two strangers."""


def groups(number: int) -> list[Export]:
    """One group that has everything: a stream that opens, a hole, strangers, a conflict."""
    producer = Producer(number + 1)
    texts = [stranger(foreign(number, "a", trace=number)), stranger(foreign(number, "b", trace=number))]
    return [producer.export(0, 1), producer.export(4, 5), *texts]


def sent(log: Log, exports: list[Export]) -> list[tuple[Position, ...]] | None:
    """What senders are told; None = come again."""
    try:
        outcomes = log.committer.commit(exports)
    except Pushback:
        return None
    assert not any(isinstance(outcome, AuditError) for outcome in outcomes)
    return [outcome for outcome in outcomes if not isinstance(outcome, AuditError)]
