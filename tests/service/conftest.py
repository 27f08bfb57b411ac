# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the service's tests: bundles, a sidecar to be told what to do, a service that runs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.service.fake_sidecar import FakeSidecar, fake_sidecar
from tests.service.running import Service, running
from tests.service.small_bundle import write_linear_bundle, write_mixed_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_linear_bundle(tmp_path / "linear")


@pytest.fixture
def mixed_bundle(tmp_path: Path) -> Path:
    return write_mixed_bundle(tmp_path / "mixed")


@pytest.fixture
async def sidecar() -> AsyncIterator[FakeSidecar]:
    async with fake_sidecar() as found:
        yield found


@pytest.fixture
async def service(bundle: Path, sidecar: FakeSidecar) -> AsyncIterator[Service]:
    async with running(bundle, sidecar) as found:
        yield found


@pytest.fixture
async def mixed(mixed_bundle: Path, sidecar: FakeSidecar) -> AsyncIterator[Service]:
    async with running(mixed_bundle, sidecar) as found:
        yield found
