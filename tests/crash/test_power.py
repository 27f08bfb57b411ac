# SPDX-License-Identifier: Apache-2.0
"""Power is cut at any write, truncation or sync: what was acknowledged before the cut is in the log afterwards.

The commit path is the real one, from plan to SqliteWriter; the disk is `tests.crash.power`. `COUNTERSIGN_LONG=n` tries
n times as many seeds.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from audit_sidecar.errors import AuditError, StoreRefused
from audit_sidecar.stores.sqlite import connection
from audit_sidecar.stores.sqlite.reader import SqliteReader
from audit_sidecar.stores.url import create_store, open_writer
from contracts.acknowledgement import Position
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import Log, Producer, foreign, stranger
from tests.crash.power import Disk, powered

LONG = int(os.environ.get("COUNTERSIGN_LONG") or 1)
_COMMITS = 12


class _Ledger:
    """What was acknowledged, and the largest checkpoint that was shown, while the power was on."""

    def __init__(self) -> None:
        self.positions: list[Position] = []
        self.published = 0


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a store that was created and closed."""
    path = tmp_path_factory.mktemp("empty") / "store.db"
    create_store(f"sqlite:///{path}", ORIGIN)
    return path.read_bytes()


def _work(folder: Path, disk: Disk, seed: int, before_close: Callable[[], None] = lambda: None) -> _Ledger:
    """A life of the store in ``folder`` under a script that the seed varies; it ends early when the store fails."""
    url = f"sqlite:///{folder / 'store.db'}"
    ledger = _Ledger()
    with powered(disk):
        store, reader = open_writer(url), SqliteReader(folder / "store.db")
        try:
            _play(Log(url, reader, store), disk, random.Random(seed), ledger)
        except AuditError:
            assert disk.failed
        finally:
            before_close()
            # The reader first: as the last one it would try to fold the log in, which it may not.
            reader._local.connection.close()
            store.close()
    return ledger


def _play(log: Log, disk: Disk, dice: random.Random, ledger: _Ledger) -> None:
    """Exports of a producer, now and then a stranger's, and checkpoints. After a restart all of it is sent again."""
    producer, first = Producer(), 0
    for commit in range(_COMMITS):
        last = first + dice.randint(1, 9)
        export = stranger(foreign(commit)) if commit % 5 == 4 else producer.export(*range(first, last))
        first = first if commit % 5 == 4 else last
        positions = log.send(export)
        if disk.image is None:
            ledger.positions += positions
        if commit % 4 == 3:
            log.publish_now()
            if disk.image is None:
                ledger.published = log.committer.frontier.size


def _fresh(folder: Path, empty: bytes) -> Path:
    folder.mkdir()
    (folder / "store.db").write_bytes(empty)
    return folder


def _lost(folder: Path, ledger: _Ledger) -> str | None:
    """What the store that is left lacks of the ledger; None when it has everything. StoreRefused when it says so."""
    url = f"sqlite:///{folder / 'store.db'}"
    store, reader = open_writer(url), SqliteReader(folder / "store.db")
    try:
        kept = reader.leaf_hashes(0, reader.frontier().size)
        for position in ledger.positions:
            if position.leaf_index >= len(kept) or kept[position.leaf_index] != position.leaf_hash:
                return f"leaf {position.leaf_index} of {len(ledger.positions)} acknowledged"
        checkpoint = reader.checkpoint()
        if ledger.published > (0 if checkpoint is None else checkpoint.size):
            return f"a checkpoint of size {ledger.published} was shown"
        # A restart verifies the edge, goes on from it, and the whole log is sound.
        log = Log(url, reader, store)
        log.send(Producer(number=2).export(0))
        log.check()
    finally:
        reader._local.connection.close()
        store.close()
    return None


def _after_cut(disk: Disk, folder: Path, ledger: _Ledger, name: str) -> list[str]:
    disk.cut()
    disk.write_image(folder)
    try:
        with powered(Disk(0)):  # a disk that does not really sync, to save time
            found = _lost(folder, ledger)
    except StoreRefused as refused:
        found = str(refused)
    return [] if found is None else [f"{name}: {found}"]


def _sweep(tmp_path: Path, empty: bytes, seeds: int) -> list[str]:
    """Cut the power once per seed, at a place that the seed chooses; everything that was lost or refused."""
    whole = Disk(0)
    _work(_fresh(tmp_path / "whole", empty), whole, 0)
    lost = []
    for seed in range(seeds):
        disk = Disk(seed, cut_at=random.Random(seed).randint(1, whole.operations))
        ledger = _work(_fresh(tmp_path / f"run-{seed}", empty), disk, seed)
        lost += _after_cut(disk, tmp_path / f"cut-{seed}", ledger, f"seed {seed}")
    return lost


@pytest.fixture(autouse=True)
def fold_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short scripts fold the write-ahead log into the file too, several times."""
    monkeypatch.setattr(connection, "_WRITER_PRAGMAS", (*connection._WRITER_PRAGMAS, ("wal_autocheckpoint", 24)))


def test_nothing_acknowledged_is_lost_when_the_power_goes(tmp_path: Path, empty: bytes) -> None:
    """Whatever sectors a cut drops or tears, the store opens, holds every acknowledged record and is sound."""
    assert _sweep(tmp_path, empty, 300 * LONG) == []


def test_the_disk_does_lose_what_is_not_synced(tmp_path: Path, empty: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with synchronous=NORMAL the same sweep loses acknowledged records, so it can be failed."""
    pragmas = tuple((name, 1 if name == "synchronous" else value) for name, value in connection._WRITER_PRAGMAS)
    monkeypatch.setattr(connection, "_WRITER_PRAGMAS", pragmas)
    lost = _sweep(tmp_path, empty, 40)
    assert len(lost) >= 8, lost


@pytest.mark.parametrize("ending", ["closed", "killed"])
def test_nothing_is_lost_after_a_sync_that_failed(tmp_path: Path, empty: bytes, ending: str) -> None:
    """After a failed sync the kernel may forget what it could not write, while readers still see it in the cache.

    Each sync of the script fails once, in commits and in foldings; the process ends, cleanly or not; a new one starts
    from what the cache shows and is sent everything again; then, early or late, the power goes.
    """
    whole = Disk(0)
    _work(_fresh(tmp_path / "whole", empty), whole, 0)
    lost = []
    for number in range(1, whole.syncs + 1):
        disk, run = Disk(number, fail_sync=number), _fresh(tmp_path / f"run-{number}", empty)
        left = tmp_path / f"left-{number}"
        disks: list[Disk] = []

        def leave(disk: Disk = disk, run: Path = run, left: Path = left, disks: list[Disk] = disks) -> None:
            disks.append(disk.moved(run, left))

        first = _work(run, disk, 0, leave if ending == "killed" else lambda: None)
        assert disk.failed
        if ending == "closed":
            leave()
        for cut_at in range(1, 70, 29 if LONG == 1 else 2):
            name = f"{number}-{cut_at}"
            again = tmp_path / f"again-{name}"
            later = disks[0].moved(left, again, number, cut_at)
            ledger = _work(again, later, 0)
            ledger.positions += first.positions
            lost += _after_cut(later, tmp_path / f"cut-{name}", ledger, f"sync {number}, cut {cut_at}")
    assert lost == []
