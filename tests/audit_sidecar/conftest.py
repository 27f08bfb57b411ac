# SPDX-License-Identifier: Apache-2.0
"""One log per test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit_sidecar.producers import Log, new_log


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """A fresh store that holds the sidecar's own release."""
    made = new_log(tmp_path)
    yield made
    made.writer.close()
