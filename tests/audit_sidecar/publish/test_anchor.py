# SPDX-License-Identifier: Apache-2.0
"""The anchor: written before a checkpoint is shown, and a store that does not bear it out is never signed for."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import pytest

from audit_sidecar.archive.anchor_place import anchor_place
from audit_sidecar.archive.archiver import Archiver, Round
from audit_sidecar.archive.elsewhere import known_elsewhere
from audit_sidecar.archive.folder import FolderArchive
from audit_sidecar.errors import Fatal, HeadMoved, Pushback, StoreRefused
from audit_sidecar.fsck.check import check_log
from audit_sidecar.fsck.folder import FolderLog
from audit_sidecar.fsck.kept import load_kept
from audit_sidecar.publish.anchor import Anchor, Anchoring
from audit_sidecar.publish.anchor import open_anchor as open_at
from audit_sidecar.publish.publisher import Floor, Publisher
from audit_sidecar.stores.store import StoreReader
from audit_sidecar.stores.url import create_store, open_reader
from audit_sidecar.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from audit_sidecar.tlog.keys import Signer, Verifier, generate_signer
from contracts.errors import SettingInvalid
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER
from tests.audit_sidecar.producers import Log, Producer, foreign, new_log, stranger

PRODUCER = Producer()
KEYS = [SIGNER.verifier]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The other volume."""
    (tmp_path / "anchor").mkdir()
    return tmp_path / "anchor"


def open_anchor(folder: Path, reader: StoreReader, keys: Sequence[Verifier], shared: bool = False) -> Anchor:
    """The anchor in a folder of its own."""
    return open_at(anchor_place(str(folder)), reader, keys, shared)


async def _publish(log: Log, anchor: Anchor | None, signed: int = -1) -> None:
    floor = Floor(signed, log.reader.frontier, None if anchor is None else Anchoring(anchor))
    with ThreadPoolExecutor(1) as thread:
        await Publisher(lambda: log.committer.frontier, log.writer, [SIGNER], thread, log.metrics, floor).publish()


async def test_the_anchor_holds_what_is_shown_and_fsck_takes_the_folder(log: Log, folder: Path) -> None:
    """The same note stands in the store and in the folder, and the folder serves as ``--against``."""
    await _publish(log, open_anchor(folder, log.reader, KEYS))
    stored = log.reader.checkpoint()
    assert stored is not None
    assert (folder / "checkpoint").read_bytes() == stored.note
    assert load_kept([folder], KEYS) == [open_checkpoint(stored.note, KEYS)]
    assert open_anchor(folder, log.reader, KEYS).size == 1


async def test_the_anchor_is_written_first(log: Log, folder: Path) -> None:
    """A crash between the two leaves the anchor ahead of the store's checkpoint, never behind; a restart goes on."""

    class Dies:
        """A writer that dies when it is to persist."""

        def __getattr__(self, name: str) -> object:
            return getattr(log.writer, name)

        def put_checkpoint(self, _: object) -> None:
            """Die."""
            raise Fatal("power cut")

    floor = Floor(-1, None, Anchoring(open_anchor(folder, log.reader, KEYS)))
    with ThreadPoolExecutor(1) as thread:
        dying = Publisher(lambda: log.committer.frontier, Dies(), [SIGNER], thread, log.metrics, floor)  # type: ignore[arg-type]
        with pytest.raises(Fatal, match="power cut"):
            await dying.publish()
    assert log.reader.checkpoint() is None
    anchor = open_anchor(folder, log.reader, KEYS)
    assert anchor.size == 1
    log.send(stranger(foreign(1)))
    await _publish(log, anchor, anchor.size)
    stored = log.reader.checkpoint()
    assert stored is not None
    assert stored.size == 2


def _move(folder: Path, to: Path) -> Path:
    return folder.rename(to)


def _older_copy(log: Log, folder: Path, tmp_path: Path) -> str:
    """A store that was copied before the last record."""
    copy = tmp_path / "older.db"
    connection = apsw.Connection(str(tmp_path / "store.db"))
    connection.execute("VACUUM INTO ?", (str(copy),))
    connection.close()
    log.send(stranger(foreign(7)))
    asyncio.run(_publish(log, open_anchor(folder, log.reader, KEYS)))
    return f"sqlite:///{copy}"


def _other_history(log: Log, folder: Path, tmp_path: Path) -> str:
    """Another log under the same name, and longer."""
    asyncio.run(_publish(log, open_anchor(folder, log.reader, KEYS)))
    (tmp_path / "fork").mkdir()
    fork = new_log(tmp_path / "fork")
    fork.send(stranger(foreign(1), foreign(2)))
    fork.writer.close()
    return fork.url


def _another_log(log: Log, folder: Path, tmp_path: Path) -> str:
    """A store of another name; its key happens to be known too."""
    asyncio.run(_publish(log, open_anchor(folder, log.reader, KEYS)))
    create_store(f"sqlite:///{tmp_path}/other.db", "other.example/log")
    return f"sqlite:///{tmp_path}/other.db"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_older_copy, "older copy.*new origin"),
        (_other_history, "rewritten.*new origin"),
        (_another_log, "is of the log"),
    ],
)
def test_a_store_that_does_not_bear_the_anchor_out_is_refused(
    log: Log, folder: Path, tmp_path: Path, make: Callable[[Log, Path, Path], str], says: str
) -> None:
    """Set back, forked or swapped: the refusal says which, and what to do."""
    url = make(log, folder, tmp_path)
    with pytest.raises(StoreRefused, match=says):
        open_anchor(folder, open_reader(url), KEYS)


@pytest.mark.parametrize("note", [b"", b"no note", b"x" * 2_000_000])
def test_an_anchor_that_cannot_be_read_is_refused(log: Log, folder: Path, note: bytes) -> None:
    """Damage never counts as an empty anchor."""
    (folder / "checkpoint").write_bytes(note)
    with pytest.raises(StoreRefused, match="right folder"):
        open_anchor(folder, log.reader, KEYS)


async def test_an_anchor_of_another_key_is_refused(log: Log, folder: Path) -> None:
    """Whoever may write the folder cannot move the floor without the key."""
    await _publish(log, open_anchor(folder, log.reader, KEYS))
    stranger_key: Signer = generate_signer(ORIGIN)
    with pytest.raises(StoreRefused, match="no checkpoint of this key"):
        open_anchor(folder, log.reader, [stranger_key.verifier])


def test_a_volume_that_is_not_there_is_refused(log: Log, tmp_path: Path) -> None:
    """A folder is never made: it would hide that the volume is not mounted."""
    with pytest.raises(SettingInvalid, match="mount"):
        open_anchor(tmp_path / "nowhere", log.reader, KEYS)


async def test_while_the_anchor_fails_nothing_is_shown_and_it_recovers(log: Log, folder: Path) -> None:
    """No new checkpoint, not ready; the log goes on, and the size is signed when the folder is back."""
    anchoring = Anchoring(open_anchor(folder, log.reader, KEYS))
    away = _move(folder, folder.with_name("unmounted"))
    with ThreadPoolExecutor(1) as thread:
        floor = Floor(-1, None, anchoring)
        publisher = Publisher(lambda: log.committer.frontier, log.writer, [SIGNER], thread, log.metrics, floor)
        with pytest.raises(Pushback, match="cannot be written"):
            await publisher.publish()
        log.send(stranger(foreign(1)))
        assert (anchoring.holds, log.reader.checkpoint()) == (False, None)
        _move(away, folder)
        await publisher.publish()
    stored = log.reader.checkpoint()
    assert stored is not None
    assert (anchoring.holds, stored.size) == (True, 2)


async def test_an_anchor_that_another_sidecar_writes_is_fatal(log: Log, folder: Path) -> None:
    """Two that sign for one log would make two histories; the second one to notice ends."""
    first, second = (open_anchor(folder, log.reader, KEYS) for _ in range(2))
    await _publish(log, first)
    with pytest.raises(Fatal, match="another one"):
        await _publish(log, second)


async def test_a_checkpoint_that_vanished_is_not_written_anew(log: Log, folder: Path) -> None:
    """The volume was swapped for an empty one: its floor is gone, so nothing is signed upon it."""
    anchor = open_anchor(folder, log.reader, KEYS)
    await _publish(log, anchor)
    (folder / "checkpoint").unlink()
    log.send(stranger(foreign(1)))
    with pytest.raises(Pushback, match="cannot be written"):
        await _publish(log, anchor, 1)


async def test_a_folder_that_hangs_holds_up_nothing(log: Log, folder: Path) -> None:
    """A dead network volume is given up after a moment, is asked once at a time, and is taken again when it answers."""
    anchor, hanging, calls = open_anchor(folder, log.reader, KEYS), threading.Event(), []
    keep = anchor.keep

    def slow(note: bytes) -> None:
        calls.append(note)
        hanging.wait()
        keep(note)

    anchor.keep = slow  # type: ignore[method-assign]
    anchoring = Anchoring(anchor, patience=0.01)
    for _ in range(2):
        with pytest.raises(Pushback, match="does not answer"):
            await anchoring.keep(b"first")
    assert calls == [b"first"]
    hanging.set()
    while not anchoring.holds:
        try:
            await anchoring.keep(b"second")
        except Pushback:
            continue
    assert (folder / "checkpoint").read_bytes() == b"second"


async def test_a_head_that_goes_backwards_is_fatal(log: Log, tmp_path: Path) -> None:
    """A store set back under a running sidecar is never signed again, whether or not the log grows."""
    log.send(stranger(foreign(1)))
    await _publish(log, None)
    before = log.reader.checkpoint()
    connection = apsw.Connection(str(tmp_path / "store.db"))
    frontier = log.committer.frontier.copy()
    log.send(stranger(foreign(2)))
    connection.execute("UPDATE log SET size = ?, frontier = ?", (frontier.size, frontier.to_bytes()))
    connection.close()
    with pytest.raises(Fatal, match="set back"):
        await _publish(log, None, frontier.size)
    assert log.reader.checkpoint() == before
    with pytest.raises(Fatal, match="no longer has 3 leaves"):
        log.send(stranger(foreign(3)))


async def test_sidecars_that_share_a_log_share_its_anchor(log: Log, folder: Path) -> None:
    """What another one of this log wrote is taken over, whoever holds the lease next."""
    first, second = (open_anchor(folder, log.reader, KEYS, shared=True) for _ in range(2))
    for number, anchor in enumerate((first, second, first), start=1):
        await _publish(log, anchor)
        assert open_anchor(folder, log.reader, KEYS).size == number
        log.send(stranger(foreign(number)))


async def test_a_shared_anchor_is_never_replaced_by_less(log: Log, folder: Path) -> None:
    """A publisher whose checkpoint is behind what lies there follows; the anchor keeps the larger one."""
    behind = open_anchor(folder, log.reader, KEYS, shared=True)
    smaller = sign_checkpoint(Checkpoint(ORIGIN, 1, log.committer.frontier.root()), [SIGNER])
    log.send(stranger(foreign(1)))
    await _publish(log, open_anchor(folder, log.reader, KEYS, shared=True))
    before = (folder / "checkpoint").read_bytes()
    with pytest.raises(HeadMoved, match="2 leaves, which is more than 1"):
        behind.keep(smaller)
    assert (folder / "checkpoint").read_bytes() == before


async def test_a_shared_anchor_with_another_history_is_fatal(log: Log, folder: Path, tmp_path: Path) -> None:
    """A sidecar of the same key on another store: whoever looks next ends, and what lies there stays."""
    anchor = open_anchor(folder, log.reader, KEYS, shared=True)
    await _publish(log, anchor)
    (tmp_path / "fork").mkdir()
    fork = new_log(tmp_path / "fork")
    (folder / "checkpoint").unlink()
    await _publish(fork, open_anchor(folder, fork.reader, KEYS, shared=True))
    log.send(stranger(foreign(1)))
    with pytest.raises(Fatal, match=r"another one signs.*fork"):
        await _publish(log, anchor, 1)
    fork.writer.close()


def test_where_an_anchor_lies(tmp_path: Path) -> None:
    """A folder of its own holds `checkpoint`; in an archive, whose `checkpoint` says something else, it is `anchor`."""
    own, archive = tmp_path / "own", tmp_path / "archive"
    for folder in (own, archive):
        folder.mkdir()
    assert anchor_place(str(own), str(archive)).name == "checkpoint"
    assert anchor_place(f"{tmp_path}/own/../archive", str(archive)).name == "anchor"
    (archive / "tile").mkdir()
    assert anchor_place(str(archive)).name == "anchor"
    with pytest.raises(SettingInvalid, match="no place"):
        anchor_place("ftp://x/y")


async def test_the_archive_is_an_anchor(log: Log, folder: Path) -> None:
    """Archive and anchor in one folder: each has its own file, and a store behind either is refused."""
    anchor = open_at(anchor_place(str(folder), str(folder)), log.reader, KEYS)
    archiver = Archiver(log.reader, FolderArchive(folder), KEYS)
    await _publish(log, anchor)
    assert archiver.catch_up() == Round(0, 1)
    log.send(stranger(foreign(1)))
    await _publish(log, anchor)
    found = {checkpoint.size for checkpoint in known_elsewhere([str(folder)], KEYS)}
    assert found == {1, 2}
    assert check_log(FolderLog(folder), KEYS).checkpoint.size == 1
    assert archiver.catch_up() == Round(1, 2)


@pytest.mark.parametrize("make", [_older_copy, _other_history])
def test_an_archive_that_never_was_an_anchor_is_one(
    log: Log, folder: Path, tmp_path: Path, make: Callable[[Log, Path, Path], str]
) -> None:
    """What it kept is known to whoever names it as the anchor alone, before the first checkpoint of its own."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    url = make(log, elsewhere, tmp_path)
    size = log.reader.frontier().size
    assert Archiver(log.reader, FolderArchive(folder), KEYS).catch_up() == Round(0, size)
    place = anchor_place(str(folder))
    assert open_at(place, log.reader, KEYS).size == size
    with pytest.raises(StoreRefused, match="new origin"):
        open_at(place, open_reader(url), KEYS)


def test_a_checkpoint_that_the_archiver_did_not_write_says_nothing_of_its_files(log: Log, folder: Path) -> None:
    """A folder that was an anchor becomes an archive: every file is written, not only those after its checkpoint."""
    for number in range(300):
        log.send(stranger(foreign(number)))
    asyncio.run(_publish(log, open_anchor(folder, log.reader, KEYS)))
    log.send(stranger(foreign(999)))
    asyncio.run(_publish(log, None, 301))
    assert Archiver(log.reader, FolderArchive(folder), KEYS).catch_up() == Round(0, 302)
    assert check_log(FolderLog(folder), KEYS).checkpoint.size == 302
