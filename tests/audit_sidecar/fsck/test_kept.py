# SPDX-License-Identifier: Apache-2.0
"""Kept checkpoints: found in notes, proofs, receipts and folders; nothing unreadable is passed over."""

from pathlib import Path

import pytest

from audit_sidecar.fsck.kept import load_kept
from audit_sidecar.fsck.reader import LogUnreadable
from contracts.receipt import encode_receipt
from tests.audit_sidecar.evidence_log import SIGNER, EvidenceLog, record

KEYS = [SIGNER.verifier]
LOG = EvidenceLog([record(number) for number in range(5)])


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_every_carrier_gives_its_checkpoint(tmp_path: Path) -> None:
    """A note, a proof and a receipt carry the same checkpoint; so does the folder that holds them."""
    files = [
        write(tmp_path / "note", LOG.checkpoint()),
        write(tmp_path / "a.tlog-proof", LOG.receipt(2).proof.encode()),
        write(tmp_path / "receipt.json", encode_receipt(LOG.receipt(2))),
    ]
    found = load_kept(files, KEYS)
    assert [checkpoint.size for checkpoint in found] == [5, 5, 5]
    assert len(set(found)) == 1
    assert load_kept([tmp_path], KEYS) == found


def test_a_log_folder_stands_for_its_checkpoint(tmp_path: Path) -> None:
    """In a folder that is a log, only the checkpoint is read."""
    LOG.write(tmp_path)
    write(tmp_path / "junk", b"junk")
    assert [checkpoint.size for checkpoint in load_kept([tmp_path], KEYS)] == [5]


@pytest.mark.parametrize("data", [b"", b"junk", b"{}", b"c2sp.org/tlog-proof@v1\n", b'{"leaf":"","proof":"\\ud800"}'])
def test_what_carries_no_checkpoint_is_unreadable(tmp_path: Path, data: bytes) -> None:
    """A file that cannot be compared with stops the comparison."""
    with pytest.raises(LogUnreadable, match="kept"):
        load_kept([write(tmp_path / "kept", data)], KEYS)


def test_an_unsigned_or_missing_checkpoint_is_unreadable(tmp_path: Path) -> None:
    """No file, an empty folder, or another key's checkpoint proves nothing."""
    with pytest.raises(LogUnreadable):
        load_kept([tmp_path / "none"], KEYS)
    with pytest.raises(LogUnreadable):
        load_kept([tmp_path], KEYS)
    with pytest.raises(LogUnreadable):
        load_kept([write(tmp_path / "note", LOG.checkpoint())], [])
