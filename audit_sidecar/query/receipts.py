# SPDX-License-Identifier: Apache-2.0
"""Proofs and receipts of records, from the newest checkpoint on."""

from audit_sidecar.errors import AuditError
from audit_sidecar.query.entry import require_sound
from audit_sidecar.stores.store import SignedCheckpoint, StoredRecord, StoreReader
from audit_sidecar.stores.subtrees import StoreTree
from audit_sidecar.tlog.merkle import inclusion_proof
from audit_sidecar.tlog.proof import TlogProof, encode_proof
from contracts.leaf import leaf_text
from contracts.payload import payload_bytes
from contracts.receipt import Receipt


class NotCovered(AuditError):
    """The record is durable, but no checkpoint covers it yet; one does within a second or two."""


class Erased(AuditError):
    """The payload was destroyed; that the record existed can still be proved (``open=no``)."""


def covering_checkpoint(reader: StoreReader, leaf_index: int) -> SignedCheckpoint:
    """The newest checkpoint; NotCovered while it is smaller than the leaf needs."""
    checkpoint = reader.checkpoint()
    if checkpoint is None or checkpoint.size <= leaf_index:
        raise NotCovered(f"no checkpoint covers leaf {leaf_index} yet; ask again in a second")
    return checkpoint


def prove(reader: StoreReader, leaf_index: int) -> str:
    """The text of a c2sp.org/tlog-proof@v1 for one leaf."""
    checkpoint = covering_checkpoint(reader, leaf_index)
    hashes = inclusion_proof(leaf_index, checkpoint.size, StoreTree(reader))
    return encode_proof(TlogProof(leaf_index, tuple(hashes), checkpoint.note)).decode()


def receipt_of(reader: StoreReader, record: StoredRecord, opened: bool) -> Receipt:
    """The receipt of a record; Erased when it should open a commitment whose payload is gone, or EvidenceDamaged."""
    require_sound(record)
    proof = prove(reader, record.leaf_index)
    if not opened:
        return Receipt(leaf_text(record.leaf), proof)
    if record.payload is None or record.salt is None:
        raise Erased(f"the payload of leaf {record.leaf_index} was erased; open=no gives what remains")
    return Receipt(leaf_text(record.leaf), proof, record.salt, payload_bytes(record.payload))
