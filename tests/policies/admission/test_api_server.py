# SPDX-License-Identifier: Apache-2.0
"""Changing one ConfigMap against a stand-in for the API server: nothing of anybody's is lost, and no is no."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.errors import SettingInvalid
from policies.admission.api_server import TRIES, ApiServer, ApiServerRefused, change_config_map, in_cluster
from tests.policies.admission.api_server import Cluster, running

NAME = "countersign-allowed"


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def server(cluster: Cluster, tmp_path: Path) -> Iterator[ApiServer]:
    with running(cluster, tmp_path) as found:
        yield found


def add(server: ApiServer, key: str, value: str = "x") -> bool:
    return change_config_map(server, NAME, lambda data: {**data, key: value})


def test_it_is_made_where_it_is_not_and_changed_where_it_is(cluster: Cluster, server: ApiServer) -> None:
    """The first release of a namespace finds no list."""
    assert add(server, "a")
    assert add(server, "b")
    assert cluster.maps[NAME]["data"] == {"a": "x", "b": "x"}


def test_what_is_as_it_should_be_is_not_written(cluster: Cluster, server: ApiServer) -> None:
    """Each sync asks; most change nothing."""
    cluster.put(NAME, {"a": "x"})
    assert not add(server, "a")
    assert cluster.asked == ["GET"]


@pytest.mark.parametrize("there", [True, False])
def test_what_somebody_else_writes_meanwhile_is_kept(cluster: Cluster, server: ApiServer, there: bool) -> None:
    """Compare-and-set by resourceVersion, and by the name for a list that somebody else has just made."""

    def somebody() -> None:
        cluster.before_write = lambda: None
        cluster.put(NAME, {"theirs": "y"})

    if there:
        cluster.put(NAME, {})
    cluster.before_write = somebody
    assert add(server, "ours")
    assert cluster.maps[NAME]["data"] == {"theirs": "y", "ours": "x"}


def test_who_always_loses_gives_up(cluster: Cluster, server: ApiServer) -> None:
    """A hook that hangs would look like one that waits."""
    cluster.put(NAME, {})
    cluster.before_write = lambda: cluster.put(NAME, {})
    with pytest.raises(ApiServerRefused, match="changed by others"):
        add(server, "a")
    assert cluster.asked.count("PUT") == TRIES


def test_a_lost_answer_is_resolved_by_reading(cluster: Cluster, server: ApiServer) -> None:
    """The write happened and nobody said so: it is not made twice, and it is no failure."""
    cluster.loses_answers = 1
    assert not add(server, "a")
    assert cluster.maps[NAME]["data"] == {"a": "x"}
    assert cluster.asked == ["GET", "POST", "GET"]


@pytest.mark.parametrize(("method", "what"), [("GET", "read"), ("PUT", "write")])
def test_a_missing_right_is_named(cluster: Cluster, server: ApiServer, method: str, what: str) -> None:
    """The API server's own words say which."""
    cluster.put(NAME, {})
    cluster.forbidden = {method}
    with pytest.raises(ApiServerRefused, match=f'{what} the ConfigMap {NAME}: 403 configmaps "{NAME}" is forbidden'):
        add(server, "a")


def test_a_wrong_token_and_a_wrong_authority_are_refused(server: ApiServer, tmp_path: Path) -> None:
    """Who answers must be the API server, and who asks must be the account."""
    (server.account / "token").write_text("another")
    with pytest.raises(ApiServerRefused, match="401 Unauthorized"):
        add(server, "a")
    with running(Cluster(), tmp_path / "another") as other:
        (server.account / "ca.crt").write_bytes((other.account / "ca.crt").read_bytes())
    with pytest.raises(ApiServerRefused, match="cannot be asked"):
        add(server, "a")


def test_where_it_is_comes_from_the_pod(server: ApiServer, tmp_path: Path) -> None:
    """Outside of a cluster the command says so, whatever a kubeconfig might hold."""
    given = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.port)}
    assert in_cluster(given, server.account) == server
    with pytest.raises(SettingInvalid, match="run this in a pod"):
        in_cluster({}, server.account)
    with pytest.raises(SettingInvalid, match="mount the pod's service account"):
        in_cluster(given, tmp_path)
