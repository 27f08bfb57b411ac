# SPDX-License-Identifier: Apache-2.0
"""A real stack that archives: the archive alone is the log, and a store behind it never signs."""

import shutil
from pathlib import Path

from audit_sidecar.tlog.checkpoint import peek_checkpoint
from tests.end_to_end.living import LOYAL, Living, Process


class Archived(Living):
    """A stack whose sidecar keeps an archive."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.archive = folder / "archive"
        self.archive.mkdir()
        program = self.stack.sidecar()
        arguments = (*program.arguments, "--archive", str(self.archive))
        self.sidecar = Process(program._replace(arguments=arguments), folder / "sidecar.log")

    def answered(self) -> None:
        """Answer once, wait for its checkpoint, and end cleanly."""
        self.start()
        self.receipt(self.predict(LOYAL).body["request_id"])
        self.stop()

    def size(self) -> int:
        """Leaves that the archive claims."""
        return peek_checkpoint((self.archive / "checkpoint").read_bytes()).size


def test_a_clean_end_leaves_the_whole_log_in_the_archive(tmp_path: Path) -> None:
    """What fsck finds in the archive alone is every leaf of the store, and a second run goes on from there."""
    stack = Archived(tmp_path)
    try:
        stack.answered()
        first = stack.size()
        stack.answered()
        assert stack.size() > first > 0
        found = stack.fsck("--against", str(stack.archive / "checkpoints"))
        assert found.returncode == 0, found.stdout + found.stderr
        assert f"extends the checkpoint kept at size {stack.size()}" in found.stdout
    finally:
        stack.end()


def test_a_store_behind_its_archive_is_never_signed(tmp_path: Path) -> None:
    """An older copy of the store is refused at the start, with what to do; the archive stays as it is."""
    stack = Archived(tmp_path)
    try:
        stack.answered()
        older = tmp_path / "older.db"
        shutil.copy(stack.state.store_file, older)
        stack.answered()
        before = (stack.archive / "checkpoint").read_bytes()
        shutil.copy(older, stack.state.store_file)
        stack.sidecar.spawn()
        assert stack.sidecar.wait() != 0
        assert "older copy" in stack.sidecar.log()
        assert "new origin" in stack.sidecar.log()
        assert (stack.archive / "checkpoint").read_bytes() == before
    finally:
        stack.end()
