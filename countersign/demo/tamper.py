# SPDX-License-Identifier: Apache-2.0
"""Flip one byte of one record in a copy of a store, as somebody with access to the disk could."""

import shutil
from pathlib import Path

from countersign.demo.processes import DemoFailed


def copy_with_flipped_byte(store: Path, copy: Path, within: str) -> tuple[str, str]:
    """Copy a stopped store and flip a byte of ``within``, text that only one record holds; the text before and after.

    The store's write-ahead log has to be folded in, as it is once the sidecar has ended.
    """
    shutil.copyfile(store, copy)
    data = bytearray(copy.read_bytes())
    at = data.find(within.encode())
    if at < 0:
        raise DemoFailed("the record to tamper with was not found in the store's file")
    last = at + len(within.encode()) - 1
    data[last] ^= 1
    copy.write_bytes(data)
    return within, bytes(data[at : last + 1]).decode("utf-8", "replace")
