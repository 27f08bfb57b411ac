# SPDX-License-Identifier: Apache-2.0
"""A log with something of everything, and the API over it."""

from collections.abc import Iterator

import pytest

from contracts import semconv
from tests.audit_sidecar.producers import Attributes, Log, foreign, stranger
from tests.audit_sidecar.query.asking import OTHER, OURS, Client, asking, identity


@pytest.fixture
def filled(log: Log) -> Log:
    """Release of the sidecar; ten of one producer, four of another, a withheld one, a stranger; then a checkpoint."""
    log.send(OURS.export(*range(10)))
    log.send(OTHER.export(0, 1, 2))
    about: Attributes = {semconv.TARGET_ID: identity(4), semconv.REASON: "deadline"}
    log.send(OURS.send(OURS.record(10, "withheld", about)))
    log.send(stranger(foreign(1, "theirs")))
    log.publish_now()
    return log


@pytest.fixture
def client(filled: Log) -> Iterator[Client]:
    """The API over it, on loopback without tokens."""
    with asking(filled) as made:
        yield made
