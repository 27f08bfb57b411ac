# SPDX-License-Identifier: Apache-2.0
"""From `git push` to a prediction whose receipt a stranger verifies, on pods that run.

The control plane, Argo CD, the gate's Job, PostgreSQL and the programs are real; the nodes are those of
tests/cluster/kubelet.
"""

import json
import os
import re
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from audit_sidecar.query.completeness import report
from audit_sidecar.stores.url import open_reader
from contracts.identifiers import parse_uuid
from tests.charts.test_running import CUSTOMER
from tests.cluster.cluster import cluster_in
from tests.cluster.gitops_world import NAMESPACE
from tests.cluster.kubelet.customers import Answered, Customers
from tests.cluster.kubelet.model_versions import first_version, next_version
from tests.cluster.kubelet.served_release import ServedRelease
from tests.cluster.waiting import wait_for, wait_until
from tests.end_to_end.living import ask, await_value, countersign

pytestmark = pytest.mark.cluster
Object = dict[str, Any]
_PODS: Final = f"/api/v1/namespaces/{NAMESPACE}/pods"
_AUTOSCALER: Final = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers/countersign"
_TARGET: Final = 70
_CUSTOMERS: Final = 32
_LATER_NANOSECONDS: Final = 10 * 60 * 1_000_000_000
_STREAM: Final = re.compile(r"stream ([0-9a-f-]{36})")
_BETWEEN: Final = 200
# When there are four pods the load has done its part; fewer requests are as good, and the log stays as long as it is.
_PAUSE_SECONDS: Final = 0.1


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


class Ordeal(NamedTuple):
    """What is left of it: the ledger, and what was seen on the way."""

    answers: list[Answered]
    utilization: tuple[int | None, int | None]
    """Of the service's CPU, in percent of its request, as the autoscaler saw it: with two pods idle, and busy."""
    at_roll_out: Sequence[object]
    """Refusals and broken connections while the next version came in."""
    killed: dict[str, str]
    """What was done to a pod, and its name."""
    refused_with: set[int]
    """Every other status than 200 that a caller has got, from beginning to end."""


@pytest.fixture(scope="module")
def ordeal(release: ServedRelease, tmp_path_factory: pytest.TempPathFactory) -> Ordeal:
    """Load, four pods, the next version, kills, and an orderly end."""
    model = next_version(tmp_path_factory.mktemp("next"))
    with release.cluster.network.inside():
        idle = wait_for("the autoscaler sees", lambda: utilization(release), lambda seen: seen is not None)
        release.deployed("two pods are enough without load", lambda status: status.get("replicas") == 2)
        with Customers(release.service(), release.tokens["consumer"], CUSTOMER, _CUSTOMERS) as customers:
            busy = wait_for("the load is seen", lambda: utilization(release), lambda seen: (seen or 0) > _TARGET)
            release.deployed("four pods are ready", lambda status: status.get("readyReplicas") == 4)
            customers.pause = _PAUSE_SECONDS
            before = len(customers.refusals), len(customers.broken)
            release.release(model)
            release.deployed("the next version alone is there", _settled)
            customers.await_more(_BETWEEN)
            at_roll_out = [*customers.refusals[before[0] :], *customers.broken[before[1] :]]
            killed = kill(release)
            release.deployed("it has recovered", _settled)
            wait_until("the killed are back", lambda: restarted(release, killed))
            customers.await_more(_BETWEEN)
        wind_up(release)
    return Ordeal(customers.answers, (idle, busy), at_roll_out, killed, {status for status, _ in customers.refusals})


def _settled(status: Object) -> bool:
    """All that is wanted is there, and nothing else."""
    wanted = status.get("replicas", 0)
    counts = {status.get(f"{kind}Replicas", 0) for kind in ("updated", "ready", "available")}
    return counts == {wanted} and wanted >= 2 and not status.get("terminatingReplicas")


def kill(release: ServedRelease) -> dict[str, str]:
    """One process of each kind, one pod by force, one in an orderly way; each of another pod."""
    names = [pod["metadata"]["name"] for pod in release.pods()]
    assert len(names) == 4, names
    killed = dict(zip(("service", "sidecar", "forced", "deleted"), names, strict=True))
    for container in ("service", "sidecar"):
        os.kill(release.pid(killed[container], container), signal.SIGKILL)
    release.cluster.api.delete(f"{_PODS}/{killed['forced']}").ok()
    release.cluster.api.request("DELETE", f"{_PODS}/{killed['deleted']}").ok()
    return killed


def restarted(release: ServedRelease, killed: dict[str, str]) -> bool:
    """Whether both processes that were killed run again, in the pods that they were in."""
    for container in ("service", "sidecar"):
        status = release.cluster.api.get(f"{_PODS}/{killed[container]}").ok()["status"]
        said = {each["name"]: each for each in (*status["containerStatuses"], *status["initContainerStatuses"])}
        if not (said[container]["restartCount"] >= 1 and said[container]["ready"]):
            return False
    return True


def wind_up(release: ServedRelease) -> None:
    """Scale to none, as an operator would, until the last pod has gone."""
    deployment = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/countersign"
    release.cluster.api.patch(deployment, {"spec": {"replicas": 0}}).ok()
    wait_until("no pod is left", lambda: not release.pods() and not release.running())


def utilization(release: ServedRelease) -> int | None:
    """What the autoscaler has seen last of the service's containers; None before it has."""
    status = release.cluster.api.get(_AUTOSCALER).ok()["status"]
    found = [each["containerResource"] for each in status.get("currentMetrics") or () if "containerResource" in each]
    return next((each["current"].get("averageUtilization") for each in found), None)


def test_load_scales_to_four_pods(ordeal: Ordeal) -> None:
    """By what the service's containers really use: two pods are enough for nobody, and too few for all of them."""
    idle, busy = ordeal.utilization
    assert idle is not None
    assert busy is not None
    assert idle <= _TARGET < busy


def test_the_next_version_comes_in_without_a_caller_noticing(ordeal: Ordeal) -> None:
    """Under load, no answer is refused and no connection ends without one; the first version answers no more."""
    versions = [answer.version for answer in ordeal.answers]
    assert ordeal.at_roll_out == []
    assert set(versions) == {"1.0.0", "1.0.1"}
    assert versions[-1] == "1.0.1"


def test_no_answer_is_without_its_record(release: ServedRelease, ordeal: Ordeal) -> None:
    """Whichever pod gave it, whatever was killed meanwhile: the ledger is part of the log."""
    with release.cluster.network.inside():
        reader = open_reader(release.database.owner_url)
        for answer in ordeal.answers:
            kinds = {record.leaf_index: record for record in reader.about(parse_uuid(answer.request_id))}
            assert kinds[answer.position].leaf.kind == "prediction"
            assert kinds[answer.position].leaf_hash.hex() == answer.leaf_hash
    assert len({answer.position for answer in ordeal.answers}) == len(ordeal.answers)


def test_whoever_gets_no_answer_is_told_to_come_again(ordeal: Ordeal) -> None:
    """While a pod has no sidecar its service says 503, and nothing worse is said at any time."""
    assert ordeal.refused_with <= {503}


def test_it_is_one_sound_log(release: ServedRelease, ordeal: Ordeal) -> None:
    """fsck of the store that all pods have written to."""
    del ordeal
    with release.cluster.network.inside():
        key = str(release.keys / "log.vkey")
        verdict = countersign("audit", "fsck", release.database.owner_url, "--key", key)
    assert (verdict.returncode, "SOUND" in verdict.stdout) == (0, True), verdict


def test_completeness_says_how_every_stream_ended(release: ServedRelease, ordeal: Ordeal) -> None:
    """Nothing is missing of any process that served; the one that was killed has no end, and the others a clean one."""
    printed = release.said("service")
    served = {name: _STREAM.findall(text) for name, text in printed.items()}
    with release.cluster.network.inside():
        found = report(open_reader(release.database.owner_url), None, None, time.time_ns() + _LATER_NANOSECONDS)
    streams = {each.stream: each for each in found.streams if each.model_id}
    assert found.complete
    assert set(streams) == {stream for each in served.values() for stream in each}
    assert all((each.first, each.missing, each.count) == (0, 0, each.last + 1) for each in streams.values())
    killed, again, *_ = served[ordeal.killed["service"]]
    ends = {stream: each.end for stream, each in streams.items()}
    assert (ends.pop(killed), ends[again]) == ("ended without end", "clean")
    # By force a pod is left a second or two, in which it may come to its end or not.
    forced = served[ordeal.killed["forced"]]
    assert {end for stream, end in ends.items() if stream not in forced} == {"clean"}
    assert {ends[stream] for stream in forced} <= {"clean", "ended without end"}
