# SPDX-License-Identifier: Apache-2.0
"""Which tests stay together when pytest-xdist spreads them over the cores, and which begin.

The tests of a file run in one process and in order, for they may share what is costly to set up; so do those of the
folders in `TOGETHER`. xdist's own groups are not used: they get lost with pytest 9.2.
"""

from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TOGETHER: Final = (
    "tests/images/", "tests/cluster/", "tests/infra_pulumi/", "tests/abuse/", "tests/conformance/receiver/",
    "tests/conformance/archive/",
)  # fmt: skip
"""Folders whose tests share one costly thing: images, an API server, an engine, a stack, receivers, an object store."""

FIRST: Final = (
    "tests/images/", "tests/crash/test_dynamodb", "tests/crash/", "tests/infra_pulumi/", "tests/cluster/",
    "tests/end_to_end/", "tests/abuse/", "tests/audit_sidecar/stores/", "tests/conformance/",
)  # fmt: skip
"""What takes longest, in this order: begun last, one of them would run alone while the other cores have nothing."""


class Together(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Gives a core the next file or folder when it is done with the one before."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        config.option.loadscopereorder = False  # `turn` has ordered them
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def group(nodeid: str) -> str:
    """What a test stays together with: its folder or its file."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(folder)), file)


def turn(item: pytest.Item) -> int:
    """By what tests are sorted, the first to begin with the smallest number; equal ones keep their order."""
    return next((number for number, start in enumerate(FIRST) if item.nodeid.startswith(start)), len(FIRST))
