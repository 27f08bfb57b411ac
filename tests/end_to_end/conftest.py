# SPDX-License-Identifier: Apache-2.0
"""One running stack per test module; tests that stop or kill something make their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.living import Living, living


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """Service and sidecar as `countersign up` starts them."""
    with living(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Living]:
    """A stack for one test alone."""
    with living(tmp_path / "own") as running:
        yield running
