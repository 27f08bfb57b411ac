# SPDX-License-Identifier: Apache-2.0
"""What is SQLite's own: files in the way, permissions, settings that durability rests on, a full disk."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.sqlite.connection import APPLICATION_ID, SCHEMA_VERSION, open_writer
from audit_sidecar.stores.sqlite.create import create_store
from audit_sidecar.stores.sqlite.reader import SqliteReader
from audit_sidecar.stores.sqlite.writer import SqliteWriter
from audit_sidecar.stores.url import is_store_url, store_path

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A new store."""
    create_store(tmp_path / "s.db", "log.example.com/a")
    return tmp_path / "s.db"


def refused(path: Path) -> str:
    """The messages with which reader and writer refuse a file."""
    messages = []
    for opening in (SqliteReader, SqliteWriter):
        with pytest.raises(StoreRefused) as caught:
            opening(path)
        messages.append(str(caught.value))
    assert all(str(path) in message for message in messages)
    return "\n".join(messages)


def test_a_url_names_a_path() -> None:
    """Three slashes before a relative path, four before an absolute one; other engines are named as unknown."""
    assert store_path("sqlite:///a/s.db") == Path("a/s.db")
    assert store_path("sqlite:////a/s.db") == Path("/a/s.db")
    assert is_store_url("sqlite:///x")
    assert not is_store_url("/folder")
    for url in ("sqlite:///", "sqlite://s.db", "postgresql://x", "s.db", ""):
        with pytest.raises(StoreRefused, match="sqlite:///"):
            store_path(url)


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\x00" + bytes(200)])
def test_a_foreign_file_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    """An empty file, text, and something that only begins like a database."""
    path = tmp_path / "s.db"
    path.write_bytes(content)
    assert refused(path)
    with pytest.raises(StoreRefused, match="exists already"):
        create_store(path, "log.example.com/a")
    assert path.read_bytes() == content


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """It lacks our application id."""
    connection = apsw.Connection(str(tmp_path / "s.db"))
    connection.execute("CREATE TABLE log (id)")
    connection.close()
    assert "holds no log" in refused(tmp_path / "s.db")


def test_another_schema_version_is_refused(path: Path) -> None:
    """With both versions in the message."""
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 7}")
    connection.close()
    assert f"schema version {SCHEMA_VERSION + 7}" in refused(path)


def test_a_folder_or_nothing_is_refused(tmp_path: Path) -> None:
    """With the way to mend it."""
    (tmp_path / "d").mkdir()
    assert refused(tmp_path / "d").count("cannot") == 2
    assert "store init" in refused(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


def test_a_store_is_created_whole_or_not_at_all(tmp_path: Path) -> None:
    """Where it cannot be: a folder that is missing, a link that leads nowhere. No draft and no log is left behind."""
    with pytest.raises(StoreRefused, match="does not exist"):
        create_store(tmp_path / "none" / "s.db", "log.example.com/a")
    (tmp_path / "link.db").symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreRefused, match="exists already"):
        create_store(tmp_path / "link.db", "log.example.com/a")
    assert [found.name for found in tmp_path.iterdir()] == ["link.db"]


def test_a_draft_of_a_crashed_creation_is_no_obstacle(tmp_path: Path) -> None:
    """It was never a store."""
    (tmp_path / "s.db.creating").write_bytes(b"half")
    create_store(tmp_path / "s.db", "log.example.com/a")
    assert sorted(found.name for found in tmp_path.iterdir()) == ["s.db"]


def test_a_store_is_private(path: Path) -> None:
    """It holds personal data: nobody else on the machine reads it, its log or its lock."""
    writer = SqliteWriter(path)
    modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()}
    writer.close()
    assert modes["s.db"] == modes["s.db.lock"] == 0o600
    assert set(modes.values()) == {0o600}


def test_what_durability_rests_on_is_set(path: Path) -> None:
    """A write-ahead log synced at every commit, and our mark in the file."""
    connection = open_writer(path)
    found = {name: connection.pragma(name) for name in ("journal_mode", "synchronous", "mmap_size", "application_id")}
    connection.close()
    assert found == {"journal_mode": "wal", "synchronous": 2, "mmap_size": 0, "application_id": APPLICATION_ID}


def test_a_reader_cannot_write(path: Path) -> None:
    """Not even by mistake."""
    reader = SqliteReader(path)
    with pytest.raises(StoreRefused, match="readonly"):
        reader._rows("DELETE FROM log")
    assert reader.origin() == "log.example.com/a"


def test_a_damaged_file_is_refused_in_words(path: Path) -> None:
    """Pages of noise are a StoreRefused that says to restore a copy, whichever row was wanted."""
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    reader = SqliteReader(path)
    for read in (reader.origin, reader.frontier, reader.checkpoint, lambda: reader.leaf_hashes(0, 9)):
        with pytest.raises(StoreRefused, match=r"restore it|fsck"):
            read()


def test_a_log_without_its_row_is_refused(path: Path) -> None:
    """A file with our mark and no head is damaged, not empty."""
    connection = apsw.Connection(str(path))
    connection.execute("DELETE FROM log")
    connection.close()
    with pytest.raises(StoreRefused, match="every log has"):
        SqliteReader(path).frontier()


_FILL_THE_DISK = """
import pathlib, sys
from audit_sidecar.errors import Pushback
from audit_sidecar.sequence.export import Export
from tests.audit_sidecar.producers import foreign, new_log, stranger
log = new_log(pathlib.Path(sys.argv[1]))
kept = 1
try:
    while True:
        log.send(stranger(foreign(kept, "x" * 50_000)))
        kept += 1
except Pushback as error:
    print(error, file=sys.stderr)
assert log.reader.frontier().size == kept
ballast = pathlib.Path(sys.argv[1]) / "ballast"
ballast.unlink()
log.send(stranger(foreign(kept, "x" * 50_000)))
assert log.check().checkpoint.size == kept + 1
print("sound")
"""


def test_a_full_disk_pushes_back(tmp_path: Path) -> None:
    """On a real file system without a free byte: refused, nothing lost, and on again when there is room."""
    script = f"""
    mount -t tmpfs -o size=2m tmpfs {tmp_path} || exit 77
    head -c 500000 /dev/zero > {tmp_path}/ballast
    {sys.executable} -c "$FILL" {tmp_path}
    """
    environment = dict(os.environ, FILL=_FILL_THE_DISK)
    # A mount namespace of its own: nothing is left to unmount, and no right outside it is needed.
    ended = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
        capture_output=True, text=True, cwd=ROOT, env=environment, check=False,
    )  # fmt: skip
    if ended.returncode == 77 or "unshare" in ended.stderr:
        pytest.skip(f"no file system of one's own can be mounted here: {ended.stderr.strip()}")
    assert ended.stdout == "sound\n", ended.stderr
    assert "full" in ended.stderr
