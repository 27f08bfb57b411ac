# SPDX-License-Identifier: Apache-2.0
"""The order in which a pod's containers start and stop, on processes that are nothing but a shell."""

import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.kubelet.container_run import ImageAway
from tests.cluster.kubelet.pod_run import PodRun
from tests.cluster.kubelet.pod_status import status_of
from tests.cluster.kubelet.probing import Probe
from tests.cluster.waiting import wait_until

Object = dict[str, Any]
STAYS = "trap 'echo {0}-told >> log; exit 0' TERM; echo {0}-up >> log; while :; do read -r -t 0.05 <> pipe; done"
PROBE = {"exec": {"command": ["true"]}, "periodSeconds": 0, "failureThreshold": 1000}


class Shell:
    """Containers whose command is a shell's; probes answer what the test has set for a container."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outcomes: dict[str, bool] = {}
        subprocess.run(["mkfifo", folder / "pipe"], check=True)

    def launch(self, spec: Object, attempt: int) -> subprocess.Popen[bytes]:
        """A shell, in the test's folder."""
        del attempt
        if spec.get("image") == "away":
            raise ImageAway("cannot pull away")
        return subprocess.Popen(["bash", "-c", spec["run"]], cwd=self.folder)

    def ask(self, spec: Object, probe: Probe, process: subprocess.Popen[bytes]) -> bool:
        """What the test has set."""
        del probe, process
        return self.outcomes.get(spec["name"], True)

    def execute(self, process: subprocess.Popen[bytes], command: list[str], timeout: float) -> bool:
        """Beside it."""
        del process
        return subprocess.run(command, cwd=self.folder, check=False, timeout=timeout).returncode == 0

    def log(self) -> list[str]:
        """What has happened, in order."""
        log = self.folder / "log"
        return log.read_text().split() if log.exists() else []


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def container(name: str, run: str = "", **more: Any) -> Object:
    return {"name": name, "image": "here", "run": run or STAYS.format(name), **more}


def begun(shell: Shell, spec: Object) -> PodRun:
    run = PodRun(spec, shell, lambda: True, lambda: None)
    run.begin()
    return run


def over(run: PodRun) -> None:
    run.stop()
    assert run.over.wait(30)


def test_containers_start_in_order_and_stop_the_other_way_round(shell: Shell) -> None:
    """Init containers to their end, sidecars to their start, then the containers; sidecars are told to stop last."""
    spec = {
        "terminationGracePeriodSeconds": 20,
        "initContainers": [
            container("first", "echo first >> log"),
            container("one", restartPolicy="Always", startupProbe=PROBE),
            container("two", restartPolicy="Always", startupProbe=PROBE),
        ],
        "containers": [container("main")],
    }
    shell.outcomes["one"] = False
    run = begun(shell, spec)
    wait_until("the first sidecar is up", lambda: "one-up" in shell.log())
    assert not run.initialized
    assert status_of(run, "10.0.0.9", "10.0.0.1", {})["phase"] == "Pending"
    shell.outcomes["one"] = True
    wait_until("all is up", lambda: "main-up" in shell.log() and run.ready)
    over(run)
    assert shell.log() == ["first", "one-up", "two-up", "main-up", "main-told", "two-told", "one-told"]


def test_one_period_of_grace_holds_for_all(shell: Shell) -> None:
    """What ignores SIGTERM is killed when the period is over, and the sidecar is told all the same."""
    stubborn = container("main", "trap '' TERM; echo main-up >> log; while :; do read -r -t 0.05 <> pipe; done")
    sidecar = container("sidecar", restartPolicy="Always")
    run = begun(shell, {"terminationGracePeriodSeconds": 1, "initContainers": [sidecar], "containers": [stubborn]})
    wait_until("it is up", lambda: "main-up" in shell.log())
    over(run)
    assert shell.log()[-1] == "sidecar-told"
    assert run.mains[0].code == 137
    assert run.phase == "Failed"


def test_a_pre_stop_hook_comes_before_the_signal(shell: Shell) -> None:
    """Within the same period."""
    hook = {"preStop": {"exec": {"command": ["bash", "-c", "echo hook >> log"]}}}
    run = begun(shell, {"containers": [container("main", lifecycle=hook)]})
    wait_until("it is up", lambda: "main-up" in shell.log())
    over(run)
    assert shell.log() == ["main-up", "hook", "main-told"]


@pytest.mark.parametrize(("command", "phase", "code"), [("exit 0", "Succeeded", 0), ("exit 3", "Failed", 3)])
def test_a_pod_that_is_not_restarted_ends_with_its_exit_code(shell: Shell, command: str, phase: str, code: int) -> None:
    """As the pods of Jobs do."""
    run = begun(shell, {"restartPolicy": "Never", "containers": [container("main", command)]})
    assert run.over.wait(30)
    assert (run.phase, run.mains[0].code) == (phase, code)


def test_a_failing_init_container_holds_the_others_up(shell: Shell) -> None:
    """Nothing after it is started."""
    spec = {
        "restartPolicy": "Never", "initContainers": [container("first", "exit 1")], "containers": [container("main")],
    }  # fmt: skip
    run = begun(shell, spec)
    assert run.over.wait(30)
    assert (run.phase, shell.log()) == ("Failed", [])


def test_a_container_that_is_killed_starts_again_and_its_neighbours_stay(shell: Shell) -> None:
    """The status says how often, and how it ended before."""
    run = begun(shell, {"containers": [container("main"), container("other")]})
    wait_until("both run", lambda: {"main-up", "other-up"} <= set(shell.log()))
    killed = run.mains[0].process
    assert killed is not None
    killed.kill()
    wait_until("it is up again", lambda: shell.log().count("main-up") == 2)
    (main, other) = status_of(run, "10.0.0.9", "10.0.0.1", {})["containerStatuses"]
    assert (main["restartCount"], main["lastState"]["terminated"]["exitCode"]) == (1, 137)
    assert (other["restartCount"], other["lastState"]) == (0, {})
    over(run)


def test_readiness_follows_its_probe_and_liveness_ends_the_process(shell: Shell) -> None:
    """A pod with a container that is not ready is not, a sidecar included; one that is not alive is started again."""
    probe = {**PROBE, "failureThreshold": 1}
    sidecar = container("sidecar", restartPolicy="Always", readinessProbe=probe)
    run = begun(shell, {"initContainers": [sidecar], "containers": [container("main", livenessProbe=probe)]})
    wait_until("it is ready", lambda: run.ready)
    shell.outcomes["sidecar"] = False
    wait_until("it is not ready", lambda: not run.ready)
    shell.outcomes |= {"sidecar": True, "main": False}
    wait_until("it was told to end", lambda: "main-told" in shell.log())
    shell.outcomes["main"] = True
    wait_until("it is ready again", lambda: run.ready)
    over(run)


def test_an_image_that_is_away_is_said_to_be(shell: Shell) -> None:
    """The pod waits, and can be ended."""
    run = begun(shell, {"containers": [container("main", image="away")]})
    wait_until("it says so", lambda: run.mains[0].state.get("waiting", {}).get("reason") == "ImagePullBackOff")
    over(run)


def test_nothing_starts_before_its_volumes_are_there(shell: Shell) -> None:
    """And then everything does."""
    there = threading.Event()
    run = PodRun({"containers": [container("main")]}, shell, there.is_set, lambda: None)
    run.begin()
    assert run.phase == "Pending"
    there.set()
    wait_until("it is up", lambda: "main-up" in shell.log())
    over(run)
