# SPDX-License-Identifier: Apache-2.0
"""The newest checkpoint as an item of the state table. Whether it was signed is for whoever takes it to see."""

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.dynamodb.requests import Item
from audit_sidecar.stores.store import SignedCheckpoint


def write_checkpoint(checkpoint: SignedCheckpoint) -> Item:
    """The item's attributes."""
    return {
        "size": {"N": str(checkpoint.size)},
        "root": {"B": checkpoint.root},
        "note": {"B": checkpoint.note},
        "time": {"N": str(checkpoint.time)},
    }


def read_checkpoint(item: Item) -> SignedCheckpoint:
    """Read what `write_checkpoint` wrote. StoreRefused for anything else."""
    try:
        note, root = bytes(item["note"]["B"]), bytes(item["root"]["B"])
        return SignedCheckpoint(int(item["size"]["N"]), root, note, int(item["time"]["N"]))
    except (KeyError, TypeError, ValueError) as error:
        raise StoreRefused(
            f"the checkpoint in the state table cannot be read: {error}; run 'countersign audit fsck'"
        ) from error
