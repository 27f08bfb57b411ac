# SPDX-License-Identifier: Apache-2.0
"""Logs that the whole suite reads and nobody changes."""

from collections.abc import Callable

import pytest

from tests.conformance.published import Published, publish

Logs = Callable[[int], Published]


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Logs:
    """The log of a size, made once. The one of 513 leaves was published at 257 before."""
    made: dict[int, Published] = {}

    def log(size: int) -> Published:
        if size not in made:
            earlier = (257,) if size == 513 else ()
            made[size] = publish(tmp_path_factory.mktemp(f"log-{size}"), *earlier, size)
        return made[size]

    return log
