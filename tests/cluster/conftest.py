# SPDX-License-Identifier: Apache-2.0
"""One real control plane for all tests that can share it, in as many levels as they ask for.

A test that asks for a level runs inside the cluster's network. Tests that need a cluster to themselves, with nodes or
with Argo CD, carry the marker `cluster`: `make cluster-test` runs them, `make test` does not.
"""

from collections.abc import Iterator

import pytest

from tests.cluster.cluster import Cluster, cluster_in


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Not for tests: they ask for a level."""
    with cluster_in(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def api(shared_cluster: Cluster) -> Iterator[Cluster]:
    """A cluster with its API server."""
    shared_cluster.start_api()
    with shared_cluster.network.inside():
        yield shared_cluster


@pytest.fixture
def controllers(api: Cluster) -> Cluster:
    """... and controllers."""
    api.start_controllers()
    return api


@pytest.fixture
def scheduler(controllers: Cluster) -> Cluster:
    """... and the scheduler."""
    controllers.start_scheduler()
    return controllers
