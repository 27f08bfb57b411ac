# SPDX-License-Identifier: Apache-2.0
"""Several sidecars on one log: each plans on what all appended, none acknowledges what is not kept, one publishes."""

import threading
from collections.abc import Iterator

import pytest

from audit_sidecar.errors import AuditError, Conflict, Fatal, HeadMoved, OutcomeUnknown, Pushback
from audit_sidecar.sequence.export import Export, OwnRecord
from audit_sidecar.stores.store import Commit, StoreWriter
from audit_sidecar.stores.url import create_store
from contracts.acknowledgement import Position
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import Log, Producer, foreign, sidecar_of, stranger
from tests.audit_sidecar.stores.postgresql_server import Server

P1, P2 = Producer(1), Producer(2)


@pytest.fixture
def pair(postgresql: Server) -> Iterator[tuple[Log, Log]]:
    """Two sidecars on a fresh log."""
    url = postgresql.new_database()
    create_store(url, ORIGIN)
    sidecars = sidecar_of(url), sidecar_of(url)
    for sidecar in sidecars:
        sidecar.committer.pause = lambda _: None
    yield sidecars
    for sidecar in sidecars:
        sidecar.writer.close()


class Faulty:
    """A writer whose commits fail as they are told: ``moved``, ``lost`` before or after they were kept."""

    def __init__(self, writer: StoreWriter, *failures: str) -> None:
        self._writer = writer
        self.failures = list(failures)
        self.turn = writer.turn
        self.lead = writer.lead
        self.put_checkpoint = writer.put_checkpoint
        self.close = writer.close

    def commit(self, commit: Commit) -> None:
        """Fail first, as long as there are failures left."""
        failure = self.failures.pop(0) if self.failures else None
        if failure == "moved":
            raise HeadMoved("somebody was faster")
        if failure != "unsent":
            self._writer.commit(commit)
        if failure is not None:
            raise OutcomeUnknown("no reply")


def faulty(log: Log, *failures: str) -> Faulty:
    """Make the log's commits fail."""
    made = Faulty(log.writer, *failures)
    log.committer._writer = made
    return made


def test_records_of_all_sidecars_stand_in_one_log(pair: tuple[Log, Log]) -> None:
    """Positions follow each other whoever commits; each sidecar has a stream of its own; fsck finds nothing."""
    first, second = pair
    places = [
        position.leaf_index
        for turn in range(150)
        for position in (first.send(P1.export(2 * turn, 2 * turn + 1)) + second.send(P2.export(turn)))
    ]
    assert places == list(range(2, 2 + 450)), "behind the two sidecars' releases"
    assert first.check().checkpoint.size == 452
    second.committer.catch_up()
    assert second.committer.frontier.to_bytes() == first.reader.frontier().to_bytes()


def test_a_stream_may_go_on_at_another_sidecar(pair: tuple[Log, Log]) -> None:
    """There and back: repeats keep their places, holes become gaps once, what was reported missing comes too late."""
    first, second = pair
    told = first.send(P1.export(0, 1, 2))
    assert second.send(P1.export(2, 3)) == (told[2], Position(5, second.records()[5].leaf_hash))
    assert first.send(P1.export(3, 4))[0].leaf_index == 5, "which the first had not seen"
    assert second.send(P1.export(6))[0].leaf_index == 8, "behind the gap's record"
    with pytest.raises(Conflict):
        first.send(P1.export(5))
    assert [(gap.first, gap.last) for gap in first.reader.gaps(P1.stream)] == [(5, 5)]
    assert second.send(stranger(foreign(1))) == first.send(stranger(foreign(1)))
    first.check()


def test_an_ended_stream_is_ended_for_all(pair: tuple[Log, Log]) -> None:
    """A sidecar that had the stream open learns of its end with the head that moved."""
    first, second = pair
    first.send(P1.export(0))
    second.send(P1.send(P1.record(1, "end")))
    with pytest.raises(AuditError, match="cannot go on"):
        first.send(P1.export(2))
    first.check()


@pytest.mark.parametrize("failures", [["moved"], ["moved"] * 7, ["kept"], ["unsent"], ["unsent", "moved", "kept"]])
def test_a_group_is_planned_again_until_it_is_kept_once(pair: tuple[Log, Log], failures: list[str]) -> None:
    """A lost reply is looked up, and what is found is acknowledged with the places it has, own records included."""
    first, _ = pair
    writer = faulty(first, *failures)
    outcomes = first.committer.commit([P1.export(0, 1, 4), stranger(foreign(1)), OwnRecord("heartbeat", {})])
    assert writer.failures == []
    assert first.kinds() == ["release", "release", "release", "prediction", "gap", "prediction", "span", "heartbeat"]
    held = first.reader.leaf_hashes(0, 99)
    for outcome in outcomes:
        assert not isinstance(outcome, AuditError)
        assert all(held[at.leaf_index] == at.leaf_hash for at in outcome)
    assert first.metrics.registry.get_sample_value("countersign_audit_gaps_total") == 1
    first.check()


def test_attempts_are_bounded_and_nothing_is_kept_of_them(pair: tuple[Log, Log]) -> None:
    """Senders are told to come again, and then are served; others went first for a longer time at each attempt."""
    first, _ = pair
    waited: list[int] = []
    first.committer.pause = waited.append
    faulty(first, *["moved"] * 8)
    with pytest.raises(Pushback, match="8 attempts"):
        first.send(P1.export(0))
    assert waited == list(range(1, 8))
    assert first.send(P1.export(0))[0].leaf_index == 2


def test_a_commit_that_arrives_late_is_found(pair: tuple[Log, Log]) -> None:
    """The first plan reaches the store only after the second was made: the first is acknowledged."""
    first, second = pair
    kept: list[Commit] = []

    class Late(Faulty):
        def commit(self, commit: Commit) -> None:
            kept.append(commit)
            if len(kept) == 1:
                raise OutcomeUnknown("it is still under way")
            if len(kept) == 2:
                self._writer.commit(kept[0])
                raise HeadMoved("somebody was faster: this very sidecar")
            raise AssertionError("the first is found")

    first.committer._writer = Late(first.writer)
    (position,) = first.send(stranger(foreign(1)))
    assert (position.leaf_index, position.leaf_hash) == (kept[0].old_size, kept[0].records[0].leaf_hash)
    assert len(first.records()) == 3
    first.committer._writer = first.writer
    second.send(stranger(foreign(2)))
    first.check()


def test_a_log_that_was_set_back_is_fatal(pair: tuple[Log, Log], postgresql: Server) -> None:
    """A restored copy, or a standby that was promoted too early: nothing more is acknowledged or signed."""
    first, second = pair
    first.send(P1.export(0, 1))
    before = second.committer.catch_up()
    first.send(P1.export(2))
    first.committer.catch_up()
    set_back(postgresql, first, before.size, before.to_bytes())
    with pytest.raises(Fatal, match="set back"):
        first.send(P1.export(3))
    with pytest.raises(Fatal, match="set back"):
        first.publish_now()
    second.send(P1.export(2))  # to this one nothing is missing


def test_a_log_that_was_rewritten_is_fatal(pair: tuple[Log, Log], postgresql: Server) -> None:
    """Of the same size or longer: what others appended must extend what this sidecar knows."""
    first, second = pair
    before = second.committer.catch_up()
    first.send(P1.export(0, 1))
    set_back(postgresql, first, before.size, before.to_bytes())
    second.send(P2.export(0, 1))
    with pytest.raises(Fatal, match="rewritten"):
        first.send(P1.export(2))
    second.send(P2.export(2))
    with pytest.raises(Fatal, match="rewritten"):
        first.send(P1.export(2))
    with pytest.raises(Fatal, match="rewritten"):
        first.committer.catch_up()


def set_back(server: Server, log: Log, size: int, edge: bytes) -> None:
    """What a restored copy looks like."""
    tables = "leaf", "kept", "conflict", "gap"
    server.run(
        "SET search_path = countersign",
        "ALTER TABLE head DISABLE TRIGGER ALL",
        f"UPDATE head SET size = {size}, frontier = '\\x{edge.hex()}'",
        *(f"DELETE FROM {table} WHERE leaf_index >= {size}" for table in tables),
        "UPDATE stream SET next_seq = least(next_seq, 2)",
        database=log.url.rpartition("/")[2],
    )


def test_sidecars_at_once_lose_nothing_and_starve_nobody(postgresql: Server) -> None:
    """Four in threads of their own, each with a stream and with strangers that all of them get."""
    url = postgresql.new_database()
    create_store(url, ORIGIN)
    sidecars = [sidecar_of(url) for _ in range(4)]
    told: dict[Export, tuple[Position, ...]] = {}
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(25):
                exports = [Producer(number + 1).export(2 * turn, 2 * turn + 1), stranger(foreign(turn))]
                for export, outcome in zip(exports, sidecars[number].committer.commit(exports), strict=True):
                    assert not isinstance(outcome, AuditError)
                    assert told.setdefault(export, outcome) == outcome, "a stranger's span has one place"
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    held = sidecars[0].reader.leaf_hashes(0, 1000)
    assert len(held) == 4 + 4 * 50 + 25
    assert all(held[at.leaf_index] == at.leaf_hash for positions in told.values() for at in positions)
    sidecars[3].check()
    for sidecar in sidecars:
        sidecar.writer.close()


def test_all_sidecars_show_one_checkpoint(pair: tuple[Log, Log]) -> None:
    """The holder of the lease signs for what others appended, too; when it ends, the other takes over."""
    first, second = pair
    second.send(P1.export(0, 1))
    first.publish_now()
    second.send(P1.export(2))
    second.publish_now()
    shown = first.reader.checkpoint()
    assert shown is not None
    assert shown.size == 4
    assert shown == second.reader.checkpoint()
    assert second.metrics.registry.get_sample_value("countersign_audit_checkpoint_size") == 4
    first.writer.close()
    second.publish_now()
    newest = second.reader.checkpoint()
    assert newest is not None
    assert newest.size == 5
