# SPDX-License-Identifier: Apache-2.0
"""Both images, built once for all tests of this folder, on a stand-in for the slim Python that they are made for."""

import os
from collections.abc import Iterator

import pytest

from tests.cluster.network import NamespacesRefused, Network
from tests.conformance.outside import outside
from tests.images.engine import Engine

BUNDLE = "models/telco-watson/1.0.0"


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    """Where containers run: nothing outside reaches them, and they reach nothing."""
    for needed in ("podman", "buildah", "python-base.tar"):
        outside(needed)
    try:
        made = Network()
    except NamespacesRefused as refused:
        if os.environ.get("COUNTERSIGN_REQUIRE_TOOLS"):
            pytest.fail(str(refused))
        pytest.skip(str(refused))
    yield made
    made.close()


@pytest.fixture(scope="session")
def engine(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with the base and nothing else."""
    made = Engine(tmp_path_factory.mktemp("images"), network)
    made.import_base()
    yield made
    made.close()


@pytest.fixture(scope="session")
def sidecar_image(engine: Engine) -> str:
    """The tag of the sidecar's image."""
    return engine.build("sidecar", "REVISION=0123456789abcdef0123456789abcdef01234567")


@pytest.fixture(scope="session")
def service_image(engine: Engine) -> str:
    """The tag of the service's image, for one model version."""
    return engine.build("service", "REVISION=0123456789abcdef0123456789abcdef01234567", f"BUNDLE={BUNDLE}")
