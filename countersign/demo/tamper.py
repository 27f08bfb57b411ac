# SPDX-License-Identifier: Apache-2.0
"""Flip one byte of one record in a copy of a store, as somebody with access to the disk could."""

import shutil
from pathlib import Path

import apsw

from countersign.demo.processes import DemoFailed


def copy_with_flipped_byte(store: Path, copy: Path, leaf: int) -> str:
    """Copy a stopped store and flip a byte in the middle of the payload of one leaf; says which, and what it became.

    The store's write-ahead log has to be folded in, as it is once the sidecar has ended.
    """
    shutil.copyfile(store, copy)
    kept = _kept_span(copy, leaf)
    data = bytearray(copy.read_bytes())
    start = data.find(kept)
    if start < 0:
        raise DemoFailed("the record to tamper with was not found in the store's file")
    at = start + len(kept) // 2
    before = data[at]
    data[at] ^= 1
    copy.write_bytes(data)
    return f"byte {at} of the file, in the payload of leaf {leaf}: {before:#04x} becomes {data[at]:#04x}"


def _kept_span(store: Path, leaf: int) -> bytes:
    connection = apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        rows = list(connection.execute("SELECT span FROM payload WHERE leaf_index = ?", (leaf,)))
    finally:
        connection.close()
    if not rows or not isinstance(rows[0][0], bytes):
        raise DemoFailed(f"leaf {leaf} has no payload to tamper with")
    return rows[0][0]
