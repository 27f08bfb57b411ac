# SPDX-License-Identifier: Apache-2.0
"""The receivers that the checklist is pointed at, each started once."""

from collections.abc import Iterator

import pytest

from tests.conformance.receiver.receivers import BODY_LIMIT, Receiver, Sidecar, collector, sidecar, to_file

RECEIVERS = ("ours over TCP", "ours over a unix socket", "the Collector")


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    """One sidecar with a small limit."""
    with sidecar(tmp_path_factory.mktemp("sidecar"), body_limit=BODY_LIMIT) as started:
        yield started


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """The Collector with the same limit."""
    with collector(tmp_path_factory.mktemp("collector"), to_file) as started:
        yield Receiver("the Collector", started.target, started.kept)


@pytest.fixture(params=RECEIVERS)
def receiver(request: pytest.FixtureRequest) -> Receiver:
    """Each in turn."""
    name: str = request.param
    if name == "the Collector":
        found: Receiver = request.getfixturevalue("theirs")
        return found
    running: Sidecar = request.getfixturevalue("ours")
    return Receiver(name, running.tcp if name == "ours over TCP" else running.unix, running.kept)
