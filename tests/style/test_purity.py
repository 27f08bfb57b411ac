# SPDX-License-Identifier: Apache-2.0
"""What a stranger has to trust stays small: the tree and its proofs import next to nothing."""

import sys
from pathlib import Path

import pytest

from tests import tree

TLOG = tree.ROOT / "audit_sidecar" / "tlog"
TOUCHES_THE_WORLD = {
    "asyncio", "http", "io", "multiprocessing", "os", "pathlib", "selectors", "shutil", "socket", "sqlite3", "ssl",
    "subprocess", "tempfile", "threading", "time", "urllib",
}  # fmt: skip
OURS = ("audit_sidecar.tlog", "contracts.errors")


@pytest.mark.parametrize("path", sorted(TLOG.glob("*.py")), ids=tree.name)
def test_the_tree_is_pure(path: Path) -> None:
    """audit_sidecar/tlog imports the standard library, cryptography and itself, and nothing that does I/O."""
    foreign = set()
    for name in tree.imported(tree.parse(path)):
        root = name.partition(".")[0]
        allowed = root in sys.stdlib_module_names or root == "cryptography" or name.startswith(OURS)
        if not allowed or root in TOUCHES_THE_WORLD:
            foreign.add(name)
    assert not foreign


def test_the_tree_was_found() -> None:
    """The rule above looked at modules that exist."""
    assert {"merkle.py", "note.py", "proof.py"} <= {path.name for path in TLOG.glob("*.py")}
