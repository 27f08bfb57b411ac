# SPDX-License-Identifier: Apache-2.0
"""The way out when a log was lost: refused with a command that works, and a new log that names the lost one."""

import re
import shutil
from pathlib import Path

import pytest

from audit_sidecar.stores.url import open_reader
from audit_sidecar.tlog.checkpoint import peek_checkpoint
from contracts import semconv
from tests.end_to_end.living import LOYAL, Living, Process, countersign


class Kept(Living):
    """A stack whose archive is its anchor too."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.archive = folder / "archive"
        self.archive.mkdir()
        self.sidecar = self.with_store(self.state.store, self.state.log_key)

    def with_store(self, store: str, key: Path) -> Process:
        """A sidecar on a store, with archive and anchor in one place, or with none for a new log."""
        program = self.stack.sidecar()
        names = {self.state.store: store, str(self.state.log_key): str(key)}
        arguments = [names.get(part, part) for part in program.arguments]
        if store == self.state.store:
            arguments += ["--archive", str(self.archive), "--anchor", str(self.archive)]
        return Process(program._replace(arguments=arguments), self.folder / "sidecar.log")

    def answered(self) -> None:
        """Answer once, wait for its checkpoint, and end cleanly."""
        self.start()
        self.receipt(self.predict(LOYAL).body["request_id"])
        self.stop()


@pytest.fixture
def lost(tmp_path: Path) -> Kept:
    """A stack whose store was set back behind what its archive knows."""
    stack = Kept(tmp_path)
    try:
        stack.answered()
        shutil.copy(stack.state.store_file, tmp_path / "older.db")
        stack.answered()
        shutil.copy(tmp_path / "older.db", stack.state.store_file)
    finally:
        stack.end()
    return stack


def test_a_lost_log_is_followed_by_one_that_names_it(lost: Kept, tmp_path: Path) -> None:
    """The refusal's own command makes the new log; its first stream names the old one, and the service goes on."""
    before = {path: path.read_bytes() for path in lost.archive.rglob("*") if path.is_file()}
    lost.sidecar.spawn()
    assert lost.sidecar.wait() == 2
    said = lost.sidecar.log()
    assert "older copy" in said
    command = re.search(r"'countersign (store init STORE --key NEW-KEY --after (\S+) --after-key VKEY)'", said)
    assert command is not None, said
    assert command[2] == str(lost.archive)
    keys, store = tmp_path / "new", f"sqlite:///{tmp_path}/new.db"
    assert countersign("keygen", "--origin", "log.example.com/second", "--out", str(keys)).returncode == 0
    words = {"STORE": store, "NEW-KEY": str(keys / "log.key"), "VKEY": str(lost.state.log_vkey)}
    made = countersign(*(words.get(word, word) for word in command[1].split()))
    assert made.returncode == 0, made
    known = peek_checkpoint((lost.archive / "anchor").read_bytes())
    assert f"follows {known.origin}, {known.size} leaves" in made.stdout
    lost.sidecar = lost.with_store(store, keys / "log.key")
    try:
        lost.start()
        assert lost.predict(LOYAL).status == 200
        (entry,) = lost.audit("/api/records?kind=origin").body["entries"]
        assert entry["index"] == 2
        assert entry["attributes"] == {
            semconv.LOST_ORIGIN: known.origin, semconv.LOST_SIZE: known.size, semconv.LOST_ROOT: known.root.hex(),
        }  # fmt: skip
        lost.stop()
    finally:
        lost.end()
    verdict = countersign("audit", "fsck", store, "--key", str(keys / "log.vkey"))
    assert verdict.returncode == 0, verdict
    assert {path: path.read_bytes() for path in lost.archive.rglob("*") if path.is_file()} == before
    short = lost.fsck("--against", str(lost.archive))
    assert (short.returncode, "smaller than it was" in short.stdout) == (1, True), short


def test_a_new_log_needs_a_new_name(lost: Kept, tmp_path: Path) -> None:
    """The lost log's own key makes no second log, and nothing is created."""
    store, vkey = f"sqlite:///{tmp_path}/same.db", str(lost.state.log_vkey)
    after = ("--after", str(lost.archive), "--after-key", vkey)
    same = countersign("store", "init", store, "--key", str(lost.state.log_key), *after)
    assert (same.returncode, "a name belongs to one log" in same.stderr) == (2, True), same
    alone = countersign("store", "init", store, "--key", str(lost.state.log_key), *after[:2])
    assert (alone.returncode, "--after-key" in alone.stderr) == (2, True), alone
    assert not (tmp_path / "same.db").exists()


def test_an_attempt_that_was_broken_off_is_finished(lost: Kept, tmp_path: Path) -> None:
    """An empty log of the new name is taken; one that has begun is not, and stays as it is."""
    keys, store = tmp_path / "new", f"sqlite:///{tmp_path}/new.db"
    assert countersign("keygen", "--origin", "log.example.com/second", "--out", str(keys)).returncode == 0
    plain = ("store", "init", store, "--key", str(keys / "log.key"))
    after = ("--after", str(lost.archive), "--after-key", str(lost.state.log_vkey))
    assert countersign(*plain).returncode == 0
    assert countersign(*plain, *after).returncode == 0
    again = countersign(*plain, *after)
    assert again.returncode == 2
    assert open_reader(store).frontier().size == 4
