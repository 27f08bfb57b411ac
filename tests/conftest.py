# SPDX-License-Identifier: Apache-2.0
"""What holds for every test: no clock decides whether it passes, so a busy machine fails none.

The hooks below do something only where pytest-xdist runs the tests, as `make test` has it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from xdist.remote import Producer

    from tests.parallel import Together

settings.register_profile("countersign", deadline=None)
settings.load_profile("countersign")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "Together":
    """In the process that hands out tests: `tests.parallel` says what stays together."""
    from tests.parallel import Together

    return Together(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """In a process that is handed tests: its folder has a short name, for a unix socket has room for 100 bytes."""
    if hasattr(config, "workerinput"):
        number = config.workerinput["workerid"].removeprefix("gw")
        config.option.basetemp = str(Path(config.option.basetemp).with_name(number))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a process that is handed tests: the longest come first."""
    if hasattr(config, "workerinput"):
        from tests.parallel import turn

        items.sort(key=turn)
