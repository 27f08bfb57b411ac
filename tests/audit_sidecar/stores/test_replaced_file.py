# SPDX-License-Identifier: Apache-2.0
"""A store file that is replaced under the writer: what goes into the old one is lost, so nothing is acknowledged."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from audit_sidecar.errors import Fatal
from tests.audit_sidecar.producers import Log, foreign, stranger


def _replaced(store: Path) -> None:
    shutil.copy(store, store.with_name("copy.db"))
    store.with_name("copy.db").replace(store)


def _removed(store: Path) -> None:
    store.unlink()


def _moved(store: Path) -> None:
    store.rename(store.with_name("elsewhere.db"))


@pytest.mark.parametrize("happens", [_replaced, _removed, _moved])
def test_nothing_is_acknowledged_into_a_file_that_is_gone(
    log: Log, tmp_path: Path, happens: Callable[[Path], None]
) -> None:
    """The commit is Fatal and so is a checkpoint: the process has to end, and the next one sees what is there."""
    happens(tmp_path / "store.db")
    with pytest.raises(Fatal, match="moved, removed or replaced"):
        log.send(stranger(foreign(1)))


def test_a_second_name_changes_nothing(log: Log, tmp_path: Path) -> None:
    """A hard link beside the store, as a snapshot tool makes it, is no replacement."""
    os.link(tmp_path / "store.db", tmp_path / "snapshot.db")
    assert log.send(stranger(foreign(1)))
    log.check()
