# SPDX-License-Identifier: Apache-2.0
"""A log of several full parts: whatever is asked of it, tallies give what looking at every record gives."""

import itertools
import random
from collections.abc import Iterator
from typing import NamedTuple

import psycopg
import pytest

from audit_sidecar.stores.postgresql.grants import ERASER
from audit_sidecar.stores.store import Finding, NewRecord, Search, StoreReader
from audit_sidecar.stores.url import create_store, open_reader, open_writer
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.stores.contract.engines import ENGINES
from tests.audit_sidecar.stores.contract.opened import STREAMS, Opened, produced, span, state
from tests.audit_sidecar.stores.postgresql_server import Server

PART = 1 << 13
SIZE = 2 * PART + 900
ERASE = """
UPDATE countersign.kept SET salt = NULL, span = NULL, subject = NULL, score = NULL, class = (
    SELECT bare.id FROM countersign.class AS was JOIN countersign.class AS bare ON bare.kind = was.kind
    AND bare.label IS NULL AND bare.model_id IS NOT DISTINCT FROM was.model_id
    AND bare.model_version IS NOT DISTINCT FROM was.model_version WHERE was.id = kept.class
) WHERE leaf_index = ANY (%s)
"""
"""What an eraser does to the rows of records, each by itself."""


class Grown(NamedTuple):
    """The store, and what was put into it."""

    url: str
    reader: StoreReader
    records: list[NewRecord]

    def matches(self, search: Search) -> list[int]:
        """Indexes of the records that a search finds, by looking at each of them."""
        return [index for index, record in enumerate(self.records) if _holds(search, record)][::-1]


def _holds(search: Search, record: NewRecord) -> bool:
    leaf, finding = record.leaf, record.finding
    number = None if leaf.stream is None else leaf.stream[0] - 1
    model, version = (None, None) if number is None else (f"model-{number}", f"{number}.0")
    low, high = search.min_score, search.max_score
    return (
        search.kind in (None, leaf.kind)
        and search.subject in (None, finding.subject)
        and search.label in (None, finding.label)
        and search.model in (None, model)
        and search.version in (None, version)
        and (search.start is None or leaf.time >= search.start)
        and (search.stop is None or leaf.time < search.stop)
        and (low is None or (finding.score is not None and finding.score >= low))
        and (high is None or (finding.score is not None and finding.score <= high))
    )


def _records(draw: random.Random) -> Iterator[NewRecord]:
    labels, subjects = (None, "churn", "retain"), [f"{number:032x}" for number in range(40)]
    for at in range(SIZE):
        # Clocks differ, and one record in a hundred tells a time of its own.
        time = 1_000 * at + draw.randrange(9_000) if draw.random() > 0.01 else draw.randrange(2_000 * SIZE)
        if draw.random() < 0.1:
            yield span(at, time)
        elif draw.random() < 0.01:
            yield produced(2, at % 256, "heartbeat", time)
        else:
            score = draw.choice((None, draw.random(), draw.random(), -3.5, 0.0, 1.0, 40.0, draw.gauss(0, 1e6)))
            finding = Finding(draw.choice(subjects), draw.choice(labels), score)
            yield produced(draw.randrange(2), at % 256, "prediction", time, finding=finding)


def grow(url: str, records: list[NewRecord]) -> None:
    """Commit them in groups that end anywhere in a part."""
    writer = open_writer(url)
    opened = Opened(ENGINES["postgresql"], url, open_reader(url), writer)
    first = {record.leaf.stream: record.leaf.time for record in reversed(records)}
    states = tuple(
        state(number, 300, first_time=first[STREAMS[number]]) for number in range(3) if STREAMS[number] in first
    )
    for low, high in itertools.pairwise((0, 5_000, PART, PART + 9, SIZE)):
        opened.commit(*records[low:high], streams=states)
    writer.close()


@pytest.fixture(scope="module", params=["postgresql", "distributed_postgresql"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each version in turn: planners differ."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def grown(server: Server) -> Grown:
    """Two full parts and the beginning of a third."""
    url = server.new_database()
    create_store(url, ORIGIN)
    records = list(_records(random.Random(7)))
    grow(url, records)
    return Grown(url, open_reader(url), records)


def _searches() -> Iterator[Search]:
    yield from (
        Search(), Search(kind="prediction"), Search(kind="span"), Search(kind="override"), Search(kind="heartbeat"),
        Search(subject=f"{3:032x}"), Search(subject=f"{3:032x}", label="churn", min_score=0.5), Search(subject="x"),
    )  # fmt: skip
    draw = random.Random(11)
    for _ in range(40):
        low, high = sorted((draw.gauss(0.4, 0.5), draw.gauss(0.6, 0.5)))
        start, stop = sorted((draw.randrange(1_100 * SIZE), draw.randrange(1_100 * SIZE)))
        yield Search(
            kind=draw.choice((None, None, "prediction")), model=draw.choice((None, "model-1", "nobody")),
            version=draw.choice((None, None, "0.0")), label=draw.choice((None, "churn", "no such label")),
            min_score=draw.choice((None, low)), max_score=draw.choice((None, high)),
            start=draw.choice((None, start)), stop=draw.choice((None, stop)),
        )  # fmt: skip


def test_every_search_finds_and_counts_what_looking_at_each_record_does(grown: Grown) -> None:
    """Whole, as of an earlier size, and page after page."""
    draw = random.Random(13)
    for search in _searches():
        wanted = grown.matches(search)
        assert grown.reader.count(search) == len(wanted), search
        size = draw.randrange(SIZE)
        earlier = [index for index in wanted if index < size]
        assert grown.reader.count(search._replace(size=size)) == len(earlier), (search, size)
        found = [record.leaf_index for record, _ in grown.reader.search(search, 150)]
        assert found == wanted[:150], search
        after = [record.leaf_index for record, _ in grown.reader.search(search._replace(before=size), 20)]
        assert after == earlier[:20], (search, size)


def test_a_tally_follows_from_its_records(grown: Grown, server: Server) -> None:
    """What fsck derives again is what the commits wrote; a changed, a missing and an invented one are each named."""
    database = grown.url.rpartition("/")[2]
    assert grown.reader.strays() == []
    changes = (
        ("UPDATE countersign.tally SET records = records + 1 WHERE part = 1", "tally of leaves 8192 to 16383"),
        ("DELETE FROM countersign.tally WHERE part = 0 AND low IS NULL", "tally of leaves 0 to 8191"),
        ("INSERT INTO countersign.tally SELECT 2, 1, 1, 1, 1, 1, 1, 1", "tally of part 2, which is not full"),
    )  # fmt: skip
    for change, named in changes:
        with psycopg.connect(grown.url) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS public.aside AS SELECT * FROM countersign.tally")
            connection.commit()
            connection.execute(change.encode())
            connection.commit()
        assert any(named in stray for stray in grown.reader.strays()), change
        server.run(
            "DELETE FROM countersign.tally",
            "INSERT INTO countersign.tally SELECT * FROM public.aside",
            database=database,
        )
    assert grown.reader.strays() == []


def test_a_class_follows_from_leaf_and_stream(grown: Grown) -> None:
    """A record that is counted as of another model is named."""
    with psycopg.connect(grown.url) as connection:
        query = "UPDATE countersign.kept SET class = {} WHERE leaf_index = 8200 RETURNING class"
        other = "(SELECT max(id) FROM countersign.class WHERE id <> kept.class AND model_id = 'model-9')"
        connection.execute("INSERT INTO countersign.class (digest, kind, model_id) VALUES ('x', 1, 'model-9')")
        (before,) = connection.execute("SELECT class FROM countersign.kept WHERE leaf_index = 8200").fetchone() or (0,)
        connection.execute(query.format(other).encode())
        connection.commit()
        assert "leaf 8200, whose class" in grown.reader.strays()[0]
        connection.execute(query.format(before).encode())
    assert grown.reader.strays() == []


def test_nothing_of_an_erased_record_stays_in_a_tally(server: Server) -> None:
    """In full parts and in the last; the others come back as they were, and the tallies are right again."""
    url = server.new_database()
    create_store(url, ORIGIN)
    secret = Finding("ab" * 16, "a label of one person alone", 123_456.5)
    records = [span(at, at) for at in range(PART + 50)]
    for at in (7, PART + 3):
        records[at] = produced(0, at % 256, "prediction", at, finding=secret)
    grow(url, records)
    server.run("CREATE ROLE erasing LOGIN", f"GRANT {ERASER} TO erasing")
    reader = open_reader(url)
    wanted = Search(label=secret.label), Search(min_score=1e5), Search(subject=secret.subject)
    assert [reader.count(search) for search in wanted] == [2, 2, 2]
    with psycopg.connect(url.replace("owner@", "erasing@"), autocommit=True) as eraser:
        assert eraser.execute(ERASE, ([7, PART + 3],)).rowcount == 2
    assert [reader.count(search) for search in wanted] == [0, 0, 0]
    assert reader.count(Search(kind="prediction", model="model-0")) == 2
    assert [record.leaf_index for record, _ in reader.search(Search(kind="prediction"), 9)] == [PART + 3, 7]
    found = list(reader.records(0, PART + 50))
    assert [record.leaf_index for record in found if record.payload is None] == [7, PART + 3]
    assert all(record.salt is None for record in found if record.payload is None)
    rows = server.run("SELECT count(*) FROM countersign.tally WHERE high > 0", database=url.rpartition("/")[2])
    assert (rows, reader.strays()) == ([(0,)], [])
