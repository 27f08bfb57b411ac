# SPDX-License-Identifier: Apache-2.0
"""The checklist, pointed at ours over TCP and a unix socket and at the OpenTelemetry Collector."""

import pytest

from tests.conformance.receiver.checklist import CHECKS
from tests.conformance.receiver.differences import DIFFERENCES
from tests.conformance.receiver.receivers import Receiver


@pytest.mark.parametrize("name", CHECKS)
def test_a_receiver_does_what_the_specification_says(receiver: Receiver, name: str) -> None:
    """What is seen is what is wanted, or the known difference."""
    difference = DIFFERENCES.get((receiver.name, name))
    seen = CHECKS[name].seen(receiver)
    if difference is None:
        assert seen == CHECKS[name].wanted
    else:
        assert seen == difference.seen, difference.reason


def test_every_difference_is_one() -> None:
    """The table of differences names checks that exist, differs from what is wanted, and says why."""
    for (_, name), difference in DIFFERENCES.items():
        assert difference.seen != CHECKS[name].wanted
        assert difference.reason
