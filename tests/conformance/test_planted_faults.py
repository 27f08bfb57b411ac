# SPDX-License-Identifier: Apache-2.0
"""Every planted fault is refused, by ours always and by other people's verifiers where they look."""

import shutil
from pathlib import Path

import pytest

from audit_sidecar.tlog.tiles import decode_bundle, encode_bundle
from countersign.__main__ import main
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.conformance.conftest import Logs
from tests.conformance.outside import fsck_accepts, judge
from tests.conformance.planted import FAULTS, edit, flip
from tests.conformance.published import SIZES, VKEY, copy_of, publish
from tests.loopback import serve_folder

SOUND, NOT_SOUND, UNREADABLE = 0, 1, 2


def ours(log: Path | str, *more: str) -> int:
    """The exit code of ``countersign audit fsck``."""
    return main(["audit", "fsck", str(log), "--key", VKEY, *more])


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_refused(logs: Logs, tmp_path: Path, name: str) -> None:
    """Ours refuses; Tessera's fsck does too, but for those that it is known to accept."""
    fault = FAULTS[name]
    log = copy_of(logs(513), tmp_path / "log")
    fault.plant(log)
    # A folder without a checkpoint is no log at all, which is no verdict about one.
    assert ours(log) == (UNREADABLE if name == "no checkpoint" else NOT_SOUND)
    assert fsck_accepts(log, VKEY) is not fault.tessera_finds_it


@pytest.mark.parametrize("name", ["one bit of tile/entries/001", "no tile/0/001", "a larger size, signed"])
def test_a_planted_fault_is_refused_over_http(logs: Logs, tmp_path: Path, name: str) -> None:
    """What a web server serves is judged like what lies in a folder."""
    log = copy_of(logs(513), tmp_path / "log")
    with serve_folder(log) as url:
        assert (ours(url), fsck_accepts(url, VKEY)) == (SOUND, True)
        FAULTS[name].plant(log)
        assert (ours(url), fsck_accepts(url, VKEY)) == (NOT_SOUND, False)


@pytest.mark.parametrize("name", ["tile/2/000.p/1", "tile/1/000", "tile/1/001.p/17", "tile/0/273.p/112"])
def test_faults_on_every_level_are_refused(logs: Logs, tmp_path: Path, name: str) -> None:
    """In a log of three levels, one bit of any level is refused."""
    log = copy_of(logs(70_000), tmp_path / "log")
    edit(log / name, flip(100))
    assert (ours(log), fsck_accepts(log, VKEY)) == (NOT_SOUND, False)


def test_an_older_checkpoint_shows_only_against_a_kept_one(logs: Logs, tmp_path: Path) -> None:
    """A log set back to what it was is sound in itself, for Tessera as for us; a kept checkpoint tells."""
    published = logs(513)
    log = copy_of(published, tmp_path / "log")
    shutil.copy(published.folder.parent / "checkpoint.257", log / "checkpoint")
    assert (ours(log), fsck_accepts(log, VKEY)) == (SOUND, True)
    kept = str(published.folder.parent / "checkpoint.513")
    assert ours(log, "--against", kept) == NOT_SOUND
    assert ours(published.folder, "--against", str(published.folder.parent / "checkpoint.257")) == SOUND


def test_a_fork_shows_only_against_a_kept_checkpoint(logs: Logs, tmp_path: Path) -> None:
    """Another history under the same key is sound in itself, for Tessera as for us; a kept checkpoint tells."""
    fork = publish(tmp_path, 300)  # the sidecar's own stream makes it differ from its first record on
    assert (ours(fork.folder), fsck_accepts(fork.folder, VKEY)) == (SOUND, True)
    kept = str(logs(257).folder / "checkpoint")
    assert ours(fork.folder, "--against", kept) == NOT_SOUND
    # The other way round, too: whichever of the two was kept.
    assert ours(logs(513).folder, "--against", str(fork.folder / "checkpoint")) == NOT_SOUND


def test_entries_beyond_a_partial_tile_are_no_part_of_the_log(logs: Logs, tmp_path: Path) -> None:
    """A full bundle may stand in for a partial one that was deleted, and is then read up to its width."""
    log = copy_of(logs(257), tmp_path / "log")
    partial = log / "tile/entries/001.p/1"
    (entry,) = decode_bundle(partial.read_bytes(), 1)
    for kind in ("entries", "0"):
        shutil.rmtree(log / f"tile/{kind}/001.p")
    (log / "tile/entries/001").write_bytes(encode_bundle([entry] * 256))
    larger = logs(513).folder
    first = (logs(257).folder / "tile/0/001.p/1").read_bytes()
    (log / "tile/0/001").write_bytes(first + (larger / "tile/0/001").read_bytes()[32:])
    assert (ours(log), fsck_accepts(log, VKEY)) == (SOUND, True)


@pytest.mark.parametrize("program", ["sumdb", "formats"])
@pytest.mark.parametrize("size", [SIZES[1], SIZES[-1]])
def test_no_byte_of_a_checkpoint_can_change(logs: Logs, tmp_path: Path, program: str, size: int) -> None:
    """One bit of any byte: ours refuses always, the others but for the spare bits of the signature's base64."""
    note = (logs(size).folder / "checkpoint").read_bytes()
    changed = [flip(at)(note) for at in range(len(note))]
    verdicts = judge(program, [{"ask": "note", "vkey": VKEY, "origin": ORIGIN, "text": text} for text in changed])
    accepted = [text for text, verdict in zip(changed, verdicts, strict=True) if verdict.accepted]
    assert all(text[:-4] == note[:-4] for text in accepted), "only the last letters of the signature may differ"
    (tmp_path / "log").mkdir()
    for text in changed:
        (tmp_path / "log" / "checkpoint").write_bytes(text)
        assert ours(tmp_path / "log") == NOT_SOUND
