# SPDX-License-Identifier: Apache-2.0
"""One stack takes all the abuse of the run; when it is over it stands, is sound, answers, and has not grown much."""

from collections.abc import Iterator

import pytest

from tests.abuse.fortress import Fortress, bearer
from tests.end_to_end.living import LOYAL, await_value

MOST_GROWTH = 512
"""MiB by which either process may grow at its peak: 128 MiB of exports under way, two more messages of 64 MiB that
gRPC has read and hands over, and one export being cut apart."""


@pytest.fixture(scope="session")
def fort(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fortress]:
    """The stack under attack."""
    stack = Fortress(tmp_path_factory.mktemp("fortress"))
    try:
        stack.start()
        for _ in range(20):
            assert stack.predict(LOYAL, **bearer("consumer")).status == 200
        stack.measure()
        yield stack
        _require_unharmed(stack)
    finally:
        stack.end()


def _require_unharmed(stack: Fortress) -> None:
    last = stack.predict(LOYAL, **bearer("consumer"))
    assert last.status == 200, last
    growth = stack.growth()
    print(f"\npeak growth in MiB: {growth}, bound {MOST_GROWTH}")
    assert max(growth.values()) < MOST_GROWTH, growth
    assert stack.odd_lines() == []
    size = last.body["evidence"]["index"]
    await_value(lambda: stack.evidence().reader.checkpoint(), lambda found: found is not None and found.size > size)
    verdict = stack.fsck()
    assert verdict.returncode == 0, verdict
    assert stack.evidence().completeness(None, None).complete
    stack.stop()
