# SPDX-License-Identifier: Apache-2.0
"""What somebody with the store's file can do to payloads and to rows beside the leaves, and what fsck says of it."""

import apsw
import pytest

from audit_sidecar.fsck.store import check_store
from audit_sidecar.stores.url import store_path
from audit_sidecar.tlog.errors import VerificationError
from contracts import semconv
from contracts.identifiers import uuid_text
from tests.audit_sidecar.evidence_log import SIGNER
from tests.audit_sidecar.producers import Attributes, Log, Producer

PRODUCER = Producer()


def tamper(log: Log, statement: str) -> None:
    connection = apsw.Connection(str(store_path(log.url)))
    connection.execute(statement)
    connection.close()


@pytest.fixture
def kept(log: Log) -> Log:
    """Leaf 0 is the sidecar's release, 1 the producer's, 2 to 5 are predictions."""
    log.send(PRODUCER.export(*range(5)))
    assert log.check().checkpoint.size == 6
    return log


@pytest.mark.parametrize("leaf", range(6))
def test_payload_that_is_gone_without_an_erasure_is_named(kept: Log, leaf: int) -> None:
    """Destroyed evidence does not pass for erased evidence: an erasure is a record, and there is none."""
    tamper(kept, f"DELETE FROM payload WHERE leaf_index = {leaf}")
    with pytest.raises(VerificationError, match=f"leaf {leaf}: its payload is gone, and no erasure record says why"):
        kept.check()


def test_recorded_erasure_leaves_a_sound_log(kept: Log) -> None:
    """The record names the prediction; nothing else may be gone under it."""
    about: Attributes = {semconv.TARGET_ID: uuid_text(PRODUCER.request_id(2))}
    kept.send(PRODUCER.send(PRODUCER.record(5, "erasure", about)))
    tamper(kept, "DELETE FROM payload WHERE leaf_index = 3")
    assert kept.check().kinds["erasure"] == 1
    tamper(kept, "DELETE FROM payload WHERE leaf_index = 4")
    with pytest.raises(VerificationError, match="leaf 4: its payload is gone"):
        kept.check()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE checkpoint SET size = size + 1", "the checkpoint's row says size 7"),
        ("UPDATE checkpoint SET root = zeroblob(32)", "the checkpoint's row says"),
        ("UPDATE log SET origin = 'log.example.com/other'", "the store says it is the log"),
    ],
)
def test_rows_beside_the_leaves_are_compared_with_what_was_signed(kept: Log, statement: str, said: str) -> None:
    """Size, root and origin stand in the signed note; a row that says otherwise is told."""
    tamper(kept, statement)
    with pytest.raises(VerificationError, match=said):
        check_store(kept.reader, [SIGNER.verifier])
