# SPDX-License-Identifier: Apache-2.0
"""fsck of a store names the first leaf that any row belies, and calls a sound store sound, a live one too."""

from pathlib import Path

import pytest

from audit_sidecar.errors import StoreRefused
from audit_sidecar.fsck.check import BadLeaf
from audit_sidecar.fsck.store import check_store
from audit_sidecar.sequence.export import Export
from audit_sidecar.stores.store import StoredRecord
from audit_sidecar.stores.url import open_reader, store_path
from audit_sidecar.tlog.errors import RootMismatch, VerificationError
from tests.audit_sidecar.evidence_log import SIGNER
from tests.audit_sidecar.producers import Log, Producer, foreign, new_log, stranger
from tests.audit_sidecar.tampering import tamper

KEYS = [SIGNER.verifier]
OURS, OTHER = Producer(1), Producer(2)
SIZE = 311
STREAM = "SELECT id FROM stream WHERE uuid = x'{}'"


def fsck(path: Path) -> int:
    return check_store(open_reader(f"sqlite:///{path}"), KEYS).checkpoint.size


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """0 the sidecar's release, 1-5 ours, 6 a gap (5 to 7), 7 ours, 8-10 strangers (9 a conflict), 11 another's
    release, 12-309 another's, 310 its end."""
    log = new_log(tmp_path_factory.mktemp("whole"))
    log.send(OURS.export(*range(5)))
    log.send(OURS.export(8))
    log.send(stranger(foreign(1), foreign(1, "other"), foreign(2)))
    log.send(OTHER.export(*range(299)))
    log.send(OTHER.send(OTHER.record(299, "end")))
    assert log.check().checkpoint.size == SIZE
    assert [record.leaf.kind for record in log.records()[5:12]] == [
        "prediction", "gap", "prediction", "span", "span", "span", "release",
    ]  # fmt: skip
    log.writer.close()
    return store_path(log.url).read_bytes()


@pytest.fixture
def path(tmp_path: Path, whole: bytes) -> Path:
    """A copy of that store."""
    copy = tmp_path / "copy.db"
    copy.write_bytes(whole)
    return copy


def test_a_sound_store_is_sound(path: Path) -> None:
    """And its size is that of its checkpoint."""
    assert fsck(path) == SIZE


def at(leaf: int) -> str:
    return f"WHERE leaf_index = {leaf}"


OURS_ROW = f"WHERE uuid = x'{OURS.stream.hex()}'"
OTHER_ROW = f"WHERE uuid = x'{OTHER.stream.hex()}'"
BAD_LEAVES: dict[str, tuple[list[str], int]] = {
    "leaf hash": ([f"UPDATE leaf SET leaf_hash = flip(leaf_hash) {at(3)}"], 3),
    "commitment": ([f"UPDATE leaf SET commitment = flip(commitment) {at(3)}"], 3),
    "kind": ([f"UPDATE leaf SET kind = 2 {at(3)}"], 3),
    "kind that does not exist": ([f"UPDATE leaf SET kind = 1000 {at(3)}"], 3),
    "trace": ([f"UPDATE leaf SET trace = flip(trace) {at(3)}"], 3),
    "span id": ([f"UPDATE leaf SET span = flip(span) {at(9)}"], 9),
    "time": ([f"UPDATE leaf SET time = time + 1 {at(9)}"], 9),
    "sequence number": ([f"UPDATE leaf SET seq = seq + 1 {at(310)}"], 310),
    "stream": ([f"UPDATE leaf SET stream = ({STREAM.format(OTHER.stream.hex())}) {at(3)}"], 3),
    "stream taken away": ([f"UPDATE leaf SET stream = NULL {at(3)}"], 3),
    "stream given to a stranger": ([f"UPDATE leaf SET stream = 1, seq = 1 {at(8)}"], 8),
    "about": ([f"UPDATE leaf SET about = zeroblob(16) {at(6)}"], 6),
    "salt": ([f"UPDATE payload SET salt = flip(salt) {at(3)}"], 3),
    "payload": ([f"UPDATE payload SET span = flip(span) {at(3)}"], 3),
    "context of a payload": ([f"UPDATE payload SET context = 1 {at(3)}"], 3),
    "resource": (["UPDATE context SET resource = flip(resource) WHERE id = 2"], 1),
    "scope": (["UPDATE context SET scope = flip(scope) WHERE id = 2"], 1),
    "schema URL put in": (["UPDATE context SET scope_schema_url = x'' WHERE id = 2"], 1),
    "resource made absent": (["UPDATE context SET resource = NULL WHERE id = 2"], 1),
    "payloads swapped": (["UPDATE payload SET leaf_index = CASE leaf_index WHEN 3 THEN -4 ELSE -3 END "
                          "WHERE leaf_index IN (3, 4)", "UPDATE payload SET leaf_index = -leaf_index "
                          "WHERE leaf_index < 0"], 3),
    "leaves swapped": (["UPDATE leaf SET leaf_index = CASE leaf_index WHEN 3 THEN -4 ELSE -3 END "
                        "WHERE leaf_index IN (3, 4)", "UPDATE leaf SET leaf_index = -leaf_index "
                        "WHERE leaf_index < 0"], 3),
    "a row lost": ([f"DELETE FROM leaf {at(3)}"], 3),
    "the last row lost": ([f"DELETE FROM leaf {at(310)}"], 310),
    "the first row lost": ([f"DELETE FROM leaf {at(0)}"], 0),
    "a row too many": ([f"INSERT INTO leaf SELECT {SIZE}, leaf_hash, commitment, kind, trace, span, time, stream, seq, "
                        f"about FROM leaf {at(310)}"], SIZE),
    "payload gone": ([f"DELETE FROM payload {at(3)}"], 3),
    "subject": ([f"UPDATE payload SET subject = flip(subject) {at(3)}"], 3),
    "subject hidden": ([f"UPDATE payload SET subject = NULL {at(3)}"], 3),
    "label": ([f"UPDATE payload SET label = 'other' {at(3)}"], 3),
    "label hidden": ([f"UPDATE payload SET label = NULL {at(3)}"], 3),
    "score": ([f"UPDATE payload SET score = 0.999 {at(3)}"], 3),
    "score hidden": ([f"UPDATE payload SET score = NULL {at(3)}"], 3),
    "subject forged": ([f"UPDATE payload SET subject = 'x' {at(8)}"], 8),
    "label forged": ([f"UPDATE payload SET label = 'x' {at(8)}"], 8),
    "score forged": ([f"UPDATE payload SET score = 0.5 {at(8)}"], 8),
    "conflict hidden": ([f"DELETE FROM conflict {at(9)}"], 9),
    "conflict forged": (["INSERT INTO conflict VALUES (10)"], 10),
    "conflict of a producer's forged": (["INSERT INTO conflict VALUES (3)"], 3),
    "release of a stream": ([f"UPDATE stream SET release = flip(release) {OTHER_ROW}"], 11),
    "id of a stream": ([f"UPDATE stream SET uuid = flip(uuid) {OTHER_ROW}"], 11),
    "next number": ([f"UPDATE stream SET next_seq = 5 {OTHER_ROW}"], 310),
    "next number far ahead": ([f"UPDATE stream SET next_seq = 500 {OTHER_ROW}"], 310),
    "first time": ([f"UPDATE stream SET first_time = first_time + 1 {OTHER_ROW}"], 310),
    "last time": ([f"UPDATE stream SET last_time = last_time - 1 {OTHER_ROW}"], 310),
    "end taken back": ([f"UPDATE stream SET ended = 0 {OTHER_ROW}"], 310),
    "end put in": ([f"UPDATE stream SET ended = 1 {OURS_ROW}"], 7),
    "model": ([f"UPDATE stream SET model_id = 'better' {OURS_ROW}"], 7),
    "model version hidden": ([f"UPDATE stream SET model_version = NULL {OURS_ROW}"], 7),
    "context of a stream": ([f"UPDATE stream SET context = 1 {OURS_ROW}"], 7),
    "gap row lost": (["DELETE FROM gap"], 7),
    "gap row forged": ([f"INSERT INTO gap VALUES (12, x'{OTHER.stream.hex()}', 3, 4)"], 310),
    "gap row elsewhere": (["UPDATE gap SET leaf_index = 5"], 7),
    "gap made longer": (["UPDATE gap SET last = last + 1"], 7),
    "gap of another stream": ([f"UPDATE gap SET stream = x'{OTHER.stream.hex()}'"], 7),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "leaf"), BAD_LEAVES.values(), ids=BAD_LEAVES.keys())
def test_the_right_leaf_is_named(path: Path, statements: list[str], leaf: int) -> None:
    """Every column of every table that claims to follow from a record."""
    tamper(path, *statements)
    with pytest.raises(BadLeaf) as caught:
        fsck(path)
    assert caught.value.index == leaf
    assert str(caught.value).startswith(f"leaf {leaf}: ")


FAULTS: dict[str, str] = {
    "subtree": "UPDATE subtree SET hash = flip(hash)",
    "subtree lost": "DELETE FROM subtree",
    "edge": "UPDATE log SET frontier = flip(frontier)",
    "edge cut": "UPDATE log SET frontier = substr(frontier, 1, 20)",
    "size": "UPDATE log SET size = size - 1",
    "note": "UPDATE checkpoint SET note = flip(note)",
    "checkpoint's size": "UPDATE checkpoint SET size = size - 1",
    "checkpoint's root": "UPDATE checkpoint SET root = flip(root)",
    "payload of no leaf": "INSERT INTO payload SELECT 5000, context, salt, subject, label, score, dictionary, span"
    " FROM payload LIMIT 1",
    "payload before the first leaf": "INSERT INTO payload SELECT -1, context, salt, subject, label, score, dictionary,"
    " span FROM payload LIMIT 1",
    "conflict of no leaf": "INSERT INTO conflict VALUES (5000)",
    "gap of no stream": "INSERT INTO gap VALUES (1, zeroblob(16), 3, 4)",
    "stream without records": "INSERT INTO stream SELECT 900, zeroblob(16), producer, release, context, model_id,"
    " model_version, next_seq, first_time + 1, last_time, ended FROM stream LIMIT 1",
}


@pytest.mark.parametrize("statement", FAULTS.values(), ids=FAULTS.keys())
def test_what_concerns_no_single_leaf_is_found(path: Path, statement: str) -> None:
    """Stored hashes, the right edge, the checkpoint's row: refused as unsound, not as unreadable."""
    tamper(path, statement)
    with pytest.raises(VerificationError):
        fsck(path)


def test_a_store_cut_back_consistently_is_found(path: Path) -> None:
    """Rows, edge and size all of an earlier log: the signed checkpoint says that it was longer."""
    reader = open_reader(f"sqlite:///{path}")
    frontier = type(reader.frontier())()
    for leaf in reader.leaf_hashes(0, 8):
        frontier.append(leaf)
    tamper(
        path,
        "DELETE FROM leaf WHERE leaf_index >= 8", "DELETE FROM payload WHERE leaf_index >= 8",
        "DELETE FROM conflict", "DELETE FROM subtree",
        f"DELETE FROM stream {OTHER_ROW}",
        f"UPDATE log SET size = 8, frontier = x'{frontier.to_bytes().hex()}'",
    )  # fmt: skip
    with pytest.raises(VerificationError):
        fsck(path)


def test_a_lost_context_is_no_erasure(path: Path) -> None:
    """Without the Resource a payload cannot be put together: that is said, and never passes for erased."""
    tamper(path, "DELETE FROM context WHERE id = 2")
    with pytest.raises((StoreRefused, VerificationError)):
        fsck(path)


def test_another_key_is_refused(path: Path) -> None:
    """A log that somebody else signed."""
    other = type(SIGNER).from_seed(SIGNER.verifier.name, bytes(32))
    with pytest.raises(VerificationError):
        check_store(open_reader(f"sqlite:///{path}"), [other.verifier])


def test_an_unrelated_root_is_named_as_such(path: Path) -> None:
    """The edge of the same size but of other leaves."""
    tamper(path, "UPDATE log SET frontier = flip(frontier)")
    with pytest.raises(RootMismatch):
        fsck(path)


class Growing:
    """A reader beneath which the log grows at chosen moments."""

    def __init__(self, log: Log, exports: list[Export]) -> None:
        self._log = log
        self._exports = exports

    def __getattr__(self, name: str) -> object:
        method = getattr(self._log.reader, name)

        def grown(*arguments: object) -> object:
            if self._exports and name in ("leaf_hashes", "records", "stream", "gaps", "findings", "checkpoint"):
                self._log.send(self._exports.pop(0))
                self._log.publish_now()
            found: object = method(*arguments)
            return found

        return grown


def test_a_live_store_is_sound_while_it_grows(log: Log) -> None:
    """Streams go on, end, begin and miss records between any two reads: nothing of it is a fault."""
    log.send(OURS.export(0, 1, 4))
    log.send(stranger(foreign(1)))
    log.publish_now()
    exports = [OURS.export(5), OURS.export(6, 9), OTHER.export(0), stranger(foreign(1, "other")), OURS.export(10, 11)]
    exports += [OURS.export(seq) for seq in range(12, 15)] + [OURS.send(OURS.record(15, "end"))]
    growing = Growing(log, exports)
    checked = check_store(growing, KEYS)  # type: ignore[arg-type]  # every method of a reader, one way or another
    assert exports == []
    assert checked.checkpoint.size >= 6
    log.check()


def test_progress_tells_every_leaf(path: Path) -> None:
    """Up to the last, so that a long run can be watched."""
    told: list[tuple[int, int]] = []
    check_store(open_reader(f"sqlite:///{path}"), KEYS, (), lambda done, size: told.append((done, size)))
    assert told[-1] == (SIZE, SIZE)


def test_records_are_what_fsck_reads(path: Path) -> None:
    """The copy holds what the tables above assume."""
    records: list[StoredRecord] = list(open_reader(f"sqlite:///{path}").records(0, SIZE))
    assert [records[leaf].leaf.kind for leaf in (6, 9, 11, 310)] == ["gap", "span", "release", "end"]
