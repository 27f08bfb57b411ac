# SPDX-License-Identifier: Apache-2.0
"""The head is continued only from a store that bears out what was signed; each damage is refused in words."""

from pathlib import Path

import pytest

from audit_sidecar.errors import StoreRefused
from audit_sidecar.fsck.check import check_log
from audit_sidecar.publish.store_log import StoreLog
from audit_sidecar.sequence.head import load_head
from audit_sidecar.stores.store import SignedCheckpoint
from audit_sidecar.stores.url import create_store, open_reader, open_writer, store_path
from audit_sidecar.tlog.checkpoint import Checkpoint, sign_checkpoint
from audit_sidecar.tlog.keys import Signer
from audit_sidecar.tlog.merkle import Frontier
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER
from tests.audit_sidecar.producers import Log, Producer, foreign, new_log, stranger
from tests.audit_sidecar.tampering import tamper

KEYS = [SIGNER.verifier]


def stopped(log: Log, leaves: int) -> Path:
    """A sidecar that ended after so many leaves and a checkpoint; its file."""
    log.send(Producer().export(*range(leaves - 1)))
    log.publish_now()
    log.writer.close()
    return store_path(log.url)


def load(path: Path) -> int:
    return load_head(open_reader(f"sqlite:///{path}"), KEYS).frontier.size


@pytest.mark.parametrize("leaves", [1, 2, 255, 256, 257, 512, 600])
def test_a_log_goes_on_where_it_ended(tmp_path: Path, leaves: int) -> None:
    """After a restart at any width of the last tile the next leaves give a sound log."""
    log = new_log(tmp_path)
    assert load(stopped(log, leaves)) == leaves
    log.writer = open_writer(log.url)
    log.reload()
    log.send(stranger(*(foreign(number) for number in range(300))))
    log.publish_now()
    assert check_log(StoreLog(log.reader), KEYS).checkpoint.size == leaves + 301
    log.writer.close()


def test_an_empty_log_is_sound(tmp_path: Path) -> None:
    """Nothing to verify, nothing refused."""
    create_store(f"sqlite:///{tmp_path / 'store.db'}", ORIGIN)
    assert load(tmp_path / "store.db") == 0


def test_payloads_that_are_gone_do_not_stop_a_log(tmp_path: Path) -> None:
    """Leaves and hashes suffice to go on; whether a payload was rightly erased is for fsck."""
    path = stopped(new_log(tmp_path), 300)
    tamper(path, "DELETE FROM payload WHERE leaf_index % 2 = 0")
    assert load(path) == 300


@pytest.mark.parametrize("name", [ORIGIN + "2", "log.example.com", ORIGIN.upper()])
def test_another_logs_key_is_refused(log: Log, name: str) -> None:
    """Both names are said."""
    with pytest.raises(StoreRefused, match="the key is of"):
        load_head(log.reader, [Signer.from_seed(name, bytes(32)).verifier])


def test_another_key_of_the_same_name_is_refused(log: Log) -> None:
    """The checkpoint in the store is not signed by it."""
    log.publish_now()
    with pytest.raises(StoreRefused, match=r"damaged|given keys"):
        load_head(log.reader, [Signer.from_seed(ORIGIN, bytes(32)).verifier])


LAST = "WHERE leaf_index = 599"
DAMAGES = {
    "leaf hash": f"UPDATE leaf SET leaf_hash = flip(leaf_hash) {LAST}",
    "commitment": f"UPDATE leaf SET commitment = flip(commitment) {LAST}",
    "kind": f"UPDATE leaf SET kind = 2 {LAST}",
    "kind that does not exist": f"UPDATE leaf SET kind = 99 {LAST}",
    "kind below zero": f"UPDATE leaf SET kind = -1 {LAST}",
    "trace": f"UPDATE leaf SET trace = flip(trace) {LAST}",
    "span id": f"UPDATE leaf SET span = flip(span) {LAST}",
    "time": f"UPDATE leaf SET time = time + 1 {LAST}",
    "sequence number": f"UPDATE leaf SET seq = seq + 1 {LAST}",
    "stream": f"UPDATE leaf SET stream = 1 {LAST}",
    "no stream": f"UPDATE leaf SET stream = NULL {LAST}",
    "row lost": f"DELETE FROM leaf {LAST}",
    "row in the middle lost": "DELETE FROM leaf WHERE leaf_index = 520",
    "rows swapped": "UPDATE leaf SET leaf_index = CASE leaf_index WHEN 598 THEN -599 ELSE -598 END "
                    "WHERE leaf_index IN (598, 599); UPDATE leaf SET leaf_index = -leaf_index WHERE leaf_index < 0",
    "row too many": "INSERT INTO leaf SELECT 600, leaf_hash, commitment, kind, trace, span, time, stream, seq, about "
                    "FROM leaf WHERE leaf_index = 599",
    "salt": f"UPDATE payload SET salt = flip(salt) {LAST}",
    "payload": f"UPDATE payload SET span = flip(span) {LAST}",
    "another payload": f"UPDATE payload SET span = (SELECT span FROM payload WHERE leaf_index = 598) {LAST}",
    "another context": f"UPDATE payload SET context = 1 {LAST}",
    "resource": "UPDATE context SET resource = x'00' WHERE id = 2",
    "stream's release": "UPDATE stream SET release = zeroblob(32) WHERE id = 2",
    "stream's id": "UPDATE stream SET uuid = zeroblob(16) WHERE id = 2",
    "size": "UPDATE log SET size = 599",
    "edge": "UPDATE log SET frontier = flip(frontier)",
    "edge cut": "UPDATE log SET frontier = substr(frontier, 1, 20)",
    "edge gone": "UPDATE log SET frontier = x''",
    "edge of an earlier size": "UPDATE log SET size = 512, frontier = x'0000000000000200" + "00" * 32 + "'",
    "subtree": "UPDATE subtree SET hash = zeroblob(32) WHERE position = 1",
    "subtree lost": "DELETE FROM subtree WHERE position = 0",
    "checkpoint's note": "UPDATE checkpoint SET note = flip(note)",
    "checkpoint's note gone": "UPDATE checkpoint SET note = x''",
    "checkpoint's size": "UPDATE checkpoint SET size = 599",
    "checkpoint's root": "UPDATE checkpoint SET root = zeroblob(32)",
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a store of 600 leaves."""
    return stopped(new_log(tmp_path_factory.mktemp("whole")), 600).read_bytes()


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_store_is_refused(tmp_path: Path, whole: bytes, damage: str) -> None:
    """Each kind of row, in the part that the head rests on: refused as a store, not as something unexpected."""
    path = tmp_path / "store.db"
    path.write_bytes(whole)
    assert load(path) == 600
    tamper(path, *damage.split("; "))
    with pytest.raises(StoreRefused) as caught:
        load(path)
    assert len(str(caught.value)) > 20


def test_a_store_that_was_rolled_back_is_refused(tmp_path: Path, whole: bytes) -> None:
    """A checkpoint ahead of the leaves says how many were lost; a new signature over them would be a fork."""
    path = tmp_path / "store.db"
    path.write_bytes(whole)
    reader = open_reader(f"sqlite:///{path}")
    frontier = Frontier()
    for leaf in reader.leaf_hashes(0, 520):
        frontier.append(leaf)
    tamper(
        path,
        "DELETE FROM leaf WHERE leaf_index >= 520",
        "DELETE FROM payload WHERE leaf_index >= 520",
        f"UPDATE log SET size = 520, frontier = x'{frontier.to_bytes().hex()}'",
    )
    with pytest.raises(StoreRefused, match="signed at size 600, but the store holds 520 leaves"):
        load(path)


def test_a_checkpoint_over_another_root_is_refused(log: Log) -> None:
    """Well signed by the log's own key, and still not what the leaves give."""
    log.send(stranger(foreign(1)))
    forged = Checkpoint(ORIGIN, 1, bytes(32))
    log.writer.put_checkpoint(SignedCheckpoint(1, bytes(32), sign_checkpoint(forged, [SIGNER]), 1))
    with pytest.raises(StoreRefused, match="signed at size 1"):
        load_head(log.reader, KEYS)
