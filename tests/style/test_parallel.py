# SPDX-License-Identifier: Apache-2.0
"""The places that `tests.parallel` names are there, and what it keeps together is."""

from tests import parallel, tree


def test_every_place_has_tests() -> None:
    """A folder that was moved would no longer be kept together, or would begin last."""
    files = [tree.name(path) for path in tree.python_files() if path.name.startswith("test_")]
    assert [start for start in parallel.TOGETHER + parallel.FIRST if not any(f.startswith(start) for f in files)] == []


def test_what_stays_together() -> None:
    """A folder that is named, else the file; a test's parameter may look like anything."""
    assert parallel.group("tests/images/test_a.py::test_b[tests/abuse/::]") == "tests/images/"
    assert parallel.group("tests/conformance/test_a.py::Class::test_b") == "tests/conformance/test_a.py"
