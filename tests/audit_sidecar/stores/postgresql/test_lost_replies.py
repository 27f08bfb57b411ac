# SPDX-License-Identifier: Apache-2.0
"""The connection ends or falls silent at every message of a commit: what it carried is kept once, or not at all."""

import pytest

from audit_sidecar.sequence.export import Export
from audit_sidecar.stores.postgresql.connection import READER, WRITER
from audit_sidecar.stores.url import create_store, open_reader, open_writer
from contracts.acknowledgement import Position
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import Log
from tests.audit_sidecar.stores.postgresql.cutting_proxy import Cut, CuttingProxy
from tests.audit_sidecar.stores.postgresql_server import Server
from tests.audit_sidecar.stores.whole_group import LEAVES, groups, sent


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent server is given up soon; one that is only slow may be, too, and nothing here depends on it."""
    monkeypatch.setattr("audit_sidecar.stores.postgresql.session.WRITER", WRITER._replace(patience=0.15))
    monkeypatch.setattr("audit_sidecar.stores.postgresql.pool.READER", READER._replace(patience=0.15))


def sidecar(url: str, proxy: CuttingProxy, server: Server, reads_through: bool) -> Log:
    """A sidecar whose writer, and reader if asked for, go through the proxy; it retries at once."""
    through = url.replace(f":{server.port}/", f":{proxy.port}/")
    log = Log(through, open_reader(through if reads_through else url), open_writer(through))
    log.committer.pause = lambda _: None
    return log


@pytest.mark.parametrize("reads_through", [False, True], ids=["reader apart", "reader cut, too"])
@pytest.mark.parametrize("cut", Cut)
def test_a_commit_is_kept_once_wherever_it_is_cut(
    postgresql: Server, proxy: CuttingProxy, cut: Cut, reads_through: bool
) -> None:
    """What is acknowledged is in the log at once; what is sent again has the same place; nothing is there twice."""
    url = postgresql.new_database()
    create_store(url, ORIGIN)
    log = sidecar(url, proxy, postgresql, reads_through)
    told: dict[object, tuple[Position, ...]] = {}
    refused = answered = number = 0
    whole, beside = False, open_reader(url)
    while not whole:
        number += 1
        exports = groups(number)
        size = beside.frontier().size
        proxy.arm(number, cut)
        first = sent(log, exports)
        whole = proxy.disarm()
        if first is None:
            refused += 1
        else:
            answered += 1
            hashes = log.reader.leaf_hashes(size, size + 100)
            assert all(hashes[at.leaf_index - size] == at.leaf_hash for positions in first for at in positions)
        again = settled(log, exports)
        assert first is None or again == first
        assert beside.frontier().size == size + LEAVES
        told |= dict(zip(exports, again, strict=True))
    assert proxy.cuts == number - 1 > 20, "only the last commit was not cut, so every message of one was"
    assert refused > 0
    assert answered >= 2, "a lost reply to COMMIT is looked up, not passed on"
    for export, positions in told.items():
        assert isinstance(export, Export)
        assert log.send(export) == positions
    assert log.check().checkpoint.size == beside.frontier().size
    log.writer.close()


def settled(log: Log, exports: list[Export]) -> list[tuple[Position, ...]]:
    """Send again until it is answered, as a producer does; the back-off of a lost connection is not waited for."""
    for _ in range(5):
        log.writer._session._not_before = 0.0  # type: ignore[attr-defined]
        found = sent(log, exports)
        if found is not None:
            return found
    raise AssertionError("the connection does not come back")
