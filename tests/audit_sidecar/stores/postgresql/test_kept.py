# SPDX-License-Identifier: Apache-2.0
"""What a record is kept as in PostgreSQL comes back byte for byte, whatever a sender made it of."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_sidecar.stores.postgresql.rows import subject_bytes, subject_text
from audit_sidecar.stores.store import Finding, Search
from audit_sidecar.stores.url import create_store, open_reader, open_writer
from contracts.identifiers import uuid_text
from contracts.payload import Payload
from contracts.timestamps import format_time
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.stores.contract.engines import ENGINES
from tests.audit_sidecar.stores.contract.opened import CONTEXT, Opened, kept, new, produced, state
from tests.audit_sidecar.stores.postgresql_server import Server

TEXT = st.text(max_size=40) | st.text("0123456789abcdefABCDEF", min_size=30, max_size=34)
PSEUDONYM = st.binary(min_size=16, max_size=16).map(bytes.hex)
ODD = st.sampled_from(["", "\x00", "\x01" + "a" * 16, "a" * 16, "\udcff", "ab" * 16, "AB" * 16, "ÿþ"])
SUBJECTS = st.none() | PSEUDONYM | TEXT | ODD


@given(SUBJECTS, SUBJECTS)
def test_subjects_are_told_apart(one: str | None, other: str | None) -> None:
    """Any text comes back as it was, and no two are kept alike; a pseudonym takes half its length."""
    assert subject_text(subject_bytes(one)) == one
    assert (subject_bytes(one) == subject_bytes(other)) == (one == other)
    assert len(subject_bytes("ab" * 16) or b"") == 17


@pytest.fixture(scope="module")
def store(postgresql: Server) -> Iterator[Opened]:
    """A log that grows through the examples."""
    url = postgresql.new_database()
    create_store(url, ORIGIN)
    writer = open_writer(url)
    opened = Opened(ENGINES["postgresql"], url, open_reader(url), writer)
    opened.commit(produced(0, 0, "release"), streams=(state(0, 1),))
    yield opened
    writer.close()


PARTS = st.sampled_from([b"\xff\xfe", b"\xff\xfe\x01", b"\x00", b"x" * 3_000, b"{}"]) | st.binary(max_size=40)
SCORES = st.none() | st.floats(allow_nan=False)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(SUBJECTS, st.none() | TEXT | ODD, SCORES, st.integers(0, 1 << 40), st.lists(PARTS, max_size=5))
def test_a_record_comes_back_as_it_was(
    store: Opened, subject: str | None, label: str | None, score: float | None, time: int, parts: list[bytes]
) -> None:
    """Spans that repeat what rows say, that look like marks, long ones; and each is found by what it says."""
    trace = time.to_bytes(16)
    repeated = [
        uuid_text(trace).encode(),
        format_time(time).encode(),
        b"\x0a\x10" + trace,
        (subject or "").encode("utf-8", "surrogatepass"),
    ]
    leaf = produced(0, 1, "prediction", time).leaf._replace(trace=trace, id=trace)
    finding = Finding(subject, label, score)
    record = new(leaf, Payload(CONTEXT, b"".join([*parts, *repeated, *parts])), finding)
    index = store.reader.frontier().size
    store.commit(record, streams=(state(0, 2),))
    (found,) = store.reader.records(index, index + 1)
    assert found == kept(index, record)
    assert store.reader.findings(index, index + 1) == {index: finding}
    search = Search(subject=subject, label=label, min_score=score, max_score=score, start=time, stop=time + 1)
    assert index in [one.leaf_index for one, _ in store.reader.search(search, 100)]
    assert store.reader.count(search._replace(size=index + 1)) >= 1
