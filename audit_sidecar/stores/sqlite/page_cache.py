# SPDX-License-Identifier: Apache-2.0
"""Make durable what the last writer may have left in the page cache alone.

On Linux a page that could not be written counts as clean after its sync has failed: reads still see it, no later sync
writes it. A writer that ends in such a moment leaves commits in the write-ahead log that the disk does not hold, and
whoever went on from them would acknowledge records that a power cut takes back. So the log is written over with its
own bytes, which makes its pages dirty again, and synced, before the store is opened.
"""

import os
from pathlib import Path
from typing import Final

from audit_sidecar.errors import StoreRefused

_CHUNK: Final = 1 << 20


def write_anew(store: Path) -> None:
    """Rewrite and sync the write-ahead log of a store that nobody else writes to. StoreRefused when that fails."""
    log = store.with_name(f"{store.name}-wal")
    if not log.exists():
        return
    try:
        _rewrite(log)
    except OSError as error:
        raise StoreRefused(f"cannot write {log}: {error.strerror}; mend the disk, then start again") from error


def _rewrite(log: Path) -> None:
    descriptor = os.open(log, os.O_RDWR | os.O_CLOEXEC)
    try:
        offset = 0
        while chunk := os.pread(descriptor, _CHUNK, offset):
            offset += os.pwrite(descriptor, chunk, offset)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
