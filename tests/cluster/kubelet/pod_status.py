# SPDX-License-Identifier: Apache-2.0
"""What a kubelet says of a pod: phase, conditions, containers. Nothing is said that is not so."""

import datetime as dt
from typing import Any

from tests.cluster.kubelet.container_run import ContainerRun
from tests.cluster.kubelet.pod_run import PodRun

Object = dict[str, Any]


def status_of(run: PodRun, address: str, host: str, before: Object) -> Object:
    """The status; a condition that has not changed since ``before`` keeps the time of its last transition."""
    old = {each["type"]: each for each in before.get("conditions", ())}
    said = {
        "PodScheduled": True, "PodReadyToStartContainers": not run.over.is_set(), "Initialized": run.initialized,
        "ContainersReady": run.ready, "Ready": run.ready,
    }  # fmt: skip
    return {
        "phase": run.phase,
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": before.get("startTime") or now(),
        "conditions": [_condition(kind, holds, old.get(kind, {})) for kind, holds in said.items()],
        "initContainerStatuses": [_container(each) for each in run.inits],
        "containerStatuses": [_container(each) for each in run.mains],
    }


def _condition(kind: str, holds: bool, old: Object) -> Object:
    status = str(holds)
    since = old["lastTransitionTime"] if old.get("status") == status else now()
    reason = {} if holds else {"reason": "ContainersNotReady" if "Ready" in kind else "PodInitializing"}
    return {"type": kind, "status": status, "lastTransitionTime": since, **reason}


def _container(run: ContainerRun) -> Object:
    image = run.spec["image"]
    return {
        "name": run.spec["name"], "image": image, "imageID": image, "state": run.state, "lastState": run.last,
        # A container that has ended well has done its part.
        "ready": run.ready or (run.policy != "Always" and run.code == 0),
        "started": run.started, "restartCount": run.restarts,
    }  # fmt: skip


def now() -> str:
    """As Kubernetes writes times."""
    return f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
