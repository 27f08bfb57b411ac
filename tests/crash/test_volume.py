# SPDX-License-Identifier: Apache-2.0
"""The volume under a real sidecar: full, read-only, and restored from an older copy."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from audit_sidecar.stores.url import open_reader
from countersign.state import State, prepare_state
from tests.crash.alone import EXPORTS, Alone, require_tool
from tests.crash.volume import fill, mount
from tests.end_to_end.living import Living, await_true, countersign, living


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "volume"
    folder.mkdir()
    mounted = shutil.which("mount") is not None and mount("-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder))
    require_tool(mounted, "mounting a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def alone(volume: Path, tmp_path: Path) -> Iterator[Alone]:
    """A sidecar whose state is on that volume and whose output is not."""
    found = Alone(tmp_path / "alone", prepare_state(volume / "state"))
    try:
        yield found
    finally:
        found.end()


def test_a_full_volume_pushes_back_and_recovers_when_space_returns(alone: Alone, volume: Path) -> None:
    """503 with Retry-After and unready while it is full; the same process goes on when it no longer is."""
    alone.start()
    assert alone.export(EXPORTS[0])[0] == 200
    await_true(lambda: alone.get("/log/checkpoint").status == 200, "a checkpoint that readers can have", alone.log)
    filler = fill(volume)
    # Room that the write-ahead log has already been given may take a few more.
    last = 3
    status, headers = alone.export([last])
    while status == 200:
        last += 1
        status, headers = alone.export([last])
    assert (status, headers["retry-after"]) == (503, "1"), alone.log()
    assert alone.export([last])[0] == 503
    assert alone.get("/readyz").status == 503
    assert alone.get("/livez").status == 200
    assert alone.get("/log/checkpoint").status == 200, "a full disk does not stop readers"
    assert alone.metric("countersign_audit_disk_free_bytes") < 65536
    filler.unlink()
    await_true(lambda: alone.get("/readyz").status == 200, "ready again, by the next heartbeat", alone.log)
    assert alone.export([last])[0] == 200
    assert alone.ended is None
    assert alone.stop() == 0, alone.log()
    assert alone.check().kinds["prediction"] == last


def test_a_read_only_volume_is_refused_in_one_line(alone: Alone, volume: Path) -> None:
    """A sidecar does not start where it cannot write, says so, changes nothing, and starts when it can again."""
    alone.start()
    assert alone.export(EXPORTS[0])[0] == 200
    assert alone.stop() == 0
    before = alone.state.store_file.read_bytes()
    assert mount("-o", "remount,ro", str(volume))
    done = countersign(
        "sidecar", "--store", alone.state.store, "--key", str(alone.state.log_key), "--otlp-http",
        f"unix:{alone.folder}/s.sock", "--audit", alone.audit.removeprefix("http://"),
    )  # fmt: skip
    assert done.returncode == 2, done
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "ead-only" in done.stderr
    assert alone.state.store_file.read_bytes() == before
    assert mount("-o", "remount,rw", str(volume))
    alone.recover()


def _copied(state: State, folder: Path) -> State:
    shutil.copytree(state.folder, folder, ignore=shutil.ignore_patterns("*.sock", "*.lock"))
    return prepare_state(folder)


@pytest.fixture
def restored(tmp_path: Path) -> Iterator[tuple[Living, State, Path]]:
    """A stack that ended, its state as an older copy has it, and a receipt handed out after the copy was made."""
    with living(tmp_path / "first") as stack:
        stack.predict({"tenure_months": 1, "monthly_charges": 1, "total_charges": 1, "num_complaints": 1})
        stack.stop()
        old = _copied(stack.state, tmp_path / "old")
        stack.start()
        answer = stack.predict({"tenure_months": 2, "monthly_charges": 1, "total_charges": 1, "num_complaints": 1})
        receipt = tmp_path / "receipt.json"
        receipt.write_bytes(stack.receipt(answer.body["request_id"]))
        stack.stop()
        yield stack, old, receipt


def test_an_older_copy_without_an_anchor_is_told_by_a_receipt_alone(
    restored: tuple[Living, State, Path], tmp_path: Path
) -> None:
    """Such a log is sound in itself and goes on, which forks it; whoever holds a later receipt can show that."""
    _, old, receipt = restored
    alone = Alone(tmp_path / "again", old)
    try:
        alone.recover()
    finally:
        alone.end()
    arguments = ("audit", "fsck", old.store, "--key", str(old.log_vkey))
    alone_sound = countersign(*arguments)
    assert alone_sound.returncode == 0, alone_sound
    assert "compared with no checkpoint kept elsewhere" in alone_sound.stdout
    told = countersign(*arguments, "--against", str(receipt))
    assert told.returncode == 1, told
    assert "NOT SOUND" in told.stdout


def test_an_older_copy_behind_its_anchor_never_signs(restored: tuple[Living, State, Path], tmp_path: Path) -> None:
    """With `--anchor` the newest checkpoint is kept elsewhere: a store behind it is not continued."""
    stack, old, _ = restored
    anchor = tmp_path / "anchor"
    anchor.mkdir()
    ahead = Alone(tmp_path / "ahead", stack.state)
    try:
        ahead.start(anchor=anchor)
        assert ahead.export(EXPORTS[0])[0] == 200
        assert ahead.stop() == 0
        (kept,) = anchor.iterdir()
        assert int(kept.read_bytes().splitlines()[1]) > open_reader(old.store).frontier().size
        before = old.store_file.read_bytes()
        behind = Alone(tmp_path / "behind", old)
        behind.start(anchor=anchor)
        assert behind.wait() == 2, behind.log()
        assert len(behind.log().strip().splitlines()) == 1, behind.log()
        assert "anchor" in behind.log()
        assert old.store_file.read_bytes() == before
    finally:
        ahead.end()


@pytest.mark.parametrize("with_anchor", [False, True])
def test_a_head_that_goes_back_under_a_running_sidecar_ends_it(tmp_path: Path, with_anchor: bool) -> None:
    """An older copy written over a live store: nothing more is acknowledged or signed, and the process ends."""
    anchor = tmp_path / "anchor" if with_anchor else None
    if anchor is not None:
        anchor.mkdir()
    alone = Alone(tmp_path / "alone")
    try:
        alone.start(anchor=anchor)
        assert alone.export(EXPORTS[0])[0] == 200
        older = apsw.Connection(str(tmp_path / "older.db"))
        _copy(alone.state.store_file, older)
        assert alone.export(EXPORTS[1])[0] == 200
        size = open_reader(alone.state.store).frontier().size
        await_true(lambda: _signed(alone) >= size, "a checkpoint of it")
        live = apsw.Connection(str(alone.state.store_file))
        live.set_busy_timeout(5000)
        with live.backup("main", older, "main") as backup:
            backup.step()
        live.close()
        older.close()
        signed = _signed(alone)
        assert alone.export(EXPORTS[2])[0] in (503, 0)
        assert alone.wait() == 1, alone.log()
        assert "ends now" in alone.log()
        checkpoint = open_reader(alone.state.store).checkpoint()
        assert checkpoint is None or checkpoint.size <= signed
        # A receipt of what was lost would tell; so does the anchor, at once.
        again = Alone(tmp_path / "again", alone.state)
        again.start(anchor=anchor)
        assert (again.ended == 2) is with_anchor, again.log()
        again.end()
    finally:
        alone.end()


def _copy(source: Path, target: apsw.Connection) -> None:
    live = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
    with target.backup("main", live, "main") as backup:
        backup.step()
    live.close()


def _signed(alone: Alone) -> int:
    checkpoint = open_reader(alone.state.store).checkpoint()
    return 0 if checkpoint is None else checkpoint.size
