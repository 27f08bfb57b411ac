# SPDX-License-Identifier: Apache-2.0
"""From `git push` to a prediction whose receipt a stranger verifies, on pods that run.

The control plane, Argo CD, the gate's Job, PostgreSQL and the programs are real; the nodes are those of
tests/cluster/kubelet.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.charts.test_running import CUSTOMER
from tests.cluster.cluster import cluster_in
from tests.cluster.kubelet.model_versions import first_version
from tests.cluster.kubelet.served_release import ServedRelease
from tests.end_to_end.living import ask, await_value, countersign

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedRelease]:
    """The first version, pushed."""
    folder = tmp_path_factory.mktemp("pods")
    (folder / "cluster").mkdir()
    with cluster_in(folder / "cluster") as cluster, cluster.network.inside():
        found = ServedRelease(cluster, folder)
        try:
            found.release(first_version())
            found.deployed("two pods are ready", lambda status: status.get("readyReplicas") == 2)
            yield found
        finally:
            found.end()


def test_a_pushed_release_answers_and_proves_it(release: ServedRelease, tmp_path: Path) -> None:
    """Push, gate, pods, Service, prediction, receipt, and the receipt's proof with the log's public key alone."""
    address, port = release.service()
    url, headers = f"http://{address}:{port}", {"Authorization": f"Bearer {release.tokens['consumer']}"}
    with release.cluster.network.inside():
        answer = ask("POST", f"{url}/predict", json.dumps(CUSTOMER).encode(), headers)
        assert answer.status == 200, answer
        receipt = await_value(
            lambda: ask("GET", f"{url}/predict/{answer.body['request_id']}/receipt", None, headers),
            lambda reply: reply.status != 202,
        )
    assert receipt.status == 200, receipt
    (tmp_path / "receipt.json").write_text(json.dumps(receipt.body))
    words = ["audit", "verify", str(tmp_path / "receipt.json"), "--key", str(release.keys / "log.vkey")]
    verified = countersign(*words)
    assert verified.returncode == 0, verified
