# SPDX-License-Identifier: Apache-2.0
"""All three stacks, brought up once in the real engine for the whole session."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.conformance.outside import outside
from tests.infra_pulumi.engine.engine import STACKS, Engine, Ran, serving


class Life(NamedTuple):
    """What the engine said of one stack, from nothing to there."""

    planned: Ran
    made: Ran
    again: Ran
    """A preview after it was made."""


class Cloud(NamedTuple):
    """An engine with all stacks up. Whoever changes the state works on a copy (`Engine.copied`)."""

    engine: Engine
    lives: dict[str, Life]


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The engine after preview, up and preview of each stack."""
    pytest.importorskip("pulumi_aws", reason="the extra infra is not installed")
    outside("pulumi")
    with serving(tmp_path_factory.mktemp("engine")) as engine:
        lives = {stack: Life(engine.preview(stack), engine.up(stack), engine.preview(stack)) for stack in STACKS}
        yield Cloud(engine, lives)
