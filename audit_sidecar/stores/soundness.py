# SPDX-License-Identifier: Apache-2.0
"""Whether a stored record is what was acknowledged. What to do about one that is not is left to whoever read it."""

from audit_sidecar.stores.store import StoredRecord
from audit_sidecar.tlog.merkle import leaf_hash
from contracts.commitment import commit
from contracts.errors import ContractError
from contracts.leaf import derive_leaf, leaf_text
from contracts.payload import payload_bytes


def fault_of(record: StoredRecord) -> str | None:
    """Why the record cannot be believed, as words that follow ``leaf N:``; None when it is sound.

    The row must give the leaf's hash. The payload, if it was not erased, must open the commitment and say every field
    of the leaf: row and hash can be changed together, but the payload, which the commitment binds, cannot follow.
    """
    leaf = record.leaf
    found = leaf_hash(leaf_text(leaf))
    if found != record.leaf_hash:
        return f"its row gives the hash {found.hex()}, not {record.leaf_hash.hex()}"
    if record.payload is None or record.salt is None:
        return None
    if commit(record.salt, payload_bytes(record.payload)) != leaf.commitment:
        return "its payload does not open its commitment"
    try:
        derived = derive_leaf(record.payload, leaf.commitment, leaf.kind)
    except ContractError as error:
        return f"its payload cannot be read: {error}"
    differing = [name for name in leaf._fields if getattr(leaf, name) != getattr(derived, name)]
    return f"it does not say what its payload says of {', '.join(differing)}" if differing else None
