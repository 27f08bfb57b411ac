# SPDX-License-Identifier: Apache-2.0
"""A store that was set back: with an anchor it is never signed again, without one nobody can tell."""

import shutil
from pathlib import Path

import apsw
import pytest

from tests.end_to_end.living import LOYAL, Living, Process, await_true, await_value


class Anchored(Living):
    """A stack whose sidecar keeps an anchor, as ``up --anchor`` starts it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.anchor = folder / "other-volume"
        self.anchor.mkdir()
        self.stack = self.stack._replace(anchor=str(self.anchor))
        self.sidecar = Process(self.stack.sidecar(), folder / "sidecar.log")

    def set_back(self) -> None:
        """Answer, stop, copy, answer, stop, and put the older copy in place."""
        self.start()
        self.receipt(self.predict(LOYAL).body["request_id"])
        self.stop()
        older = self.folder / "older.db"
        shutil.copy(self.state.store_file, older)
        self.start()
        self.receipt(self.predict(LOYAL).body["request_id"])
        self.stop()
        shutil.copy(older, self.state.store_file)


@pytest.mark.parametrize("anchored", [True, False])
def test_an_older_copy_is_never_signed_again(tmp_path: Path, anchored: bool) -> None:
    """With an anchor the start is refused and says what to do. Without one it goes on, for nothing shows the loss."""
    stack = Anchored(tmp_path)
    try:
        stack.set_back()
        if anchored:
            before = (stack.anchor / "checkpoint").read_bytes()
            stack.sidecar.spawn()
            assert stack.sidecar.wait() != 0
            assert "older copy" in stack.sidecar.log()
            assert "new origin" in stack.sidecar.log()
            assert (stack.anchor / "checkpoint").read_bytes() == before
        else:
            program = stack.stack._replace(anchor=None).sidecar()
            stack.sidecar = Process(program, tmp_path / "sidecar.log")
            stack.sidecar.start()
            assert stack.sidecar.stop() == 0
        alone, compared = stack.fsck(), stack.fsck("--against", str(stack.anchor))
        assert (alone.returncode, compared.returncode) == (0, 1), compared.stdout
    finally:
        stack.end()


def test_a_sidecar_whose_head_goes_backwards_ends(tmp_path: Path) -> None:
    """A running sidecar signs nothing more and exits; the checkpoint it had shown stays the newest."""
    stack = Anchored(tmp_path)
    try:
        stack.sidecar.start()
        shown = await_value(lambda: stack.evidence().reader.checkpoint(), lambda found: found is not None)
        kept = stack.evidence().reader.frontier()
        assert shown is not None
        connection = apsw.Connection(str(stack.state.store_file))
        connection.set_busy_timeout(5_000)
        older = type(kept)()
        connection.execute("UPDATE log SET size = 0, frontier = ?", (older.to_bytes(),))
        connection.close()
        popen = stack.sidecar.popen
        assert popen is not None
        await_true(lambda: popen.poll() is not None, "the sidecar ends", stack.sidecar.log)
        assert popen.returncode == 1
        assert "set back" in stack.sidecar.log()
        assert stack.evidence().reader.checkpoint() == shown
    finally:
        stack.end()


def test_while_the_anchor_is_gone_the_sidecar_is_not_ready_but_answers_go_on(tmp_path: Path) -> None:
    """No new checkpoint is shown, readiness says so, acknowledgements are not held up, and it recovers by itself."""
    stack = Anchored(tmp_path)
    try:
        stack.start()
        await_true(lambda: (stack.anchor / "checkpoint").exists(), "the first checkpoint")
        away = stack.anchor.rename(tmp_path / "unmounted")
        answer = stack.predict(LOYAL)
        assert answer.status == 200
        await_true(lambda: stack.audit("/readyz").status == 503, "not ready")
        assert stack.get(f"/predict/{answer.body['request_id']}/receipt").status == 202
        assert stack.predict(LOYAL).status == 200
        away.rename(stack.anchor)
        assert stack.receipt(answer.body["request_id"])
        await_true(stack.sidecar.is_ready, "ready again")
        stack.stop()
        assert stack.fsck("--against", str(stack.anchor)).returncode == 0
    finally:
        stack.end()
