# SPDX-License-Identifier: Apache-2.0
"""Foreign spans of a group are looked up at once: what is new costs no exchange of its own within the turn."""

import pytest

from audit_sidecar.stores.ahead import SpanIds
from audit_sidecar.stores.postgresql.pool import ReadingPool, Row
from audit_sidecar.stores.url import create_store
from contracts.evidence import read_ids
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import Log, foreign, sidecar_of, stranger
from tests.audit_sidecar.stores.postgresql_server import Server


@pytest.fixture
def log(postgresql: Server) -> Log:
    url = postgresql.new_database()
    create_store(url, ORIGIN)
    return sidecar_of(url)


@pytest.fixture
def asked(log: Log, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Statements that looked for spans since the sidecar began."""
    found: list[bytes] = []
    rows = ReadingPool.rows

    def counting(pool: ReadingPool, query: bytes, values: tuple[object, ...]) -> list[Row]:
        if b"trace =" in query:
            found.append(query)
        return rows(pool, query, values)

    monkeypatch.setattr(ReadingPool, "rows", counting)
    return found


def test_a_group_of_new_spans_costs_one_look_up(log: Log, asked: list[bytes]) -> None:
    """However many; each of those that were there already costs one more, and is kept once."""
    first = log.send(stranger(*(foreign(number) for number in range(1, 101))))
    assert len(asked) == 1
    asked.clear()
    again = log.send(stranger(*(foreign(number) for number in range(99, 201))))
    assert len(asked) == 1 + 2
    assert again[:2] == first[-2:]
    size = log.reader.frontier().size
    assert size == log.check().checkpoint.size == 201, "and the sidecar's own begin record"
    log.writer.close()


def test_what_was_not_there_is_believed_once(log: Log) -> None:
    """Asked again, the same thread finds what was kept since."""
    payload = foreign(7)
    ids = SpanIds(*read_ids(payload.span)[:2])
    log.send(stranger(payload))
    found = log.reader.by_ids(*ids, None, 2)
    assert [(record.leaf.trace, record.leaf.span) for record in found] == [ids]
    log.writer.close()
