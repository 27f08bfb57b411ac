# SPDX-License-Identifier: Apache-2.0
"""The pod that Helm renders, run from the images: as nobody, read-only, without capabilities, over one socket."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from countersign.__main__ import main
from tests.charts.rendering import CHART, one, scenario
from tests.charts.test_environments import signed_on
from tests.charts.test_running import CUSTOMER
from tests.cluster.network import Network
from tests.cluster.waiting import wait_until
from tests.images.engine import Engine
from tests.images.pod import folder, playable
from tests.tree import ROOT

CONFINED = ["--rm", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pull", "never"]


class Pod(NamedTuple):
    """A pod under way: where its volumes are, its network, and a consumer's token."""

    volumes: Path
    network: Network
    token: str

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and decoded answer of the service."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:8080{path}", data, headers)
        with self.network.inside(), urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)

    def is_ready(self) -> bool:
        """What the readiness probe would find."""
        try:
            return self.ask("/ready")[0] == 200
        except OSError:
            return False


def command(engine: Engine, image: str, volumes: dict[str, Path], *words: str) -> str:
    """What one command of ours printed, in a container of its own that is confined as the chart confines."""
    mounts = [word for place, source in volumes.items() for word in ("--volume", f"{source}:{place}")]
    return engine.podman("run", *CONFINED, *mounts, image, *words).stdout


@pytest.fixture(scope="module")
def pod(
    engine: Engine, network: Network, service_image: str, sidecar_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pod]:
    """Keys, tokens and log made by the image itself; then the rendered pod, until it is ready."""
    volumes = tmp_path_factory.mktemp("pod")
    objects = scenario(CHART / "ci" / "sqlite-values.yaml")
    made, data, tokens = (folder(volumes, name) for name in ("made", "data", "tokens"))
    command(engine, sidecar_image, {"/made": made}, "keygen", "--origin", "pod.example/log", "--out", "/made/keys")
    by_role = {
        role: command(engine, sidecar_image, {"/tokens": tokens}, "token", role, "--role", role, "--tokens",
                      "/tokens/tokens.toml").split()[-1]
        for role in ("consumer", "auditor")
    }  # fmt: skip
    command(engine, sidecar_image, {"/made": made, "/data": data},
            "store", "init", "sqlite:////data/store.db", "--key", "/made/keys/log.key")  # fmt: skip
    for volume, name, text in (
        ("log-key", "log.key", (made / "keys" / "log.key").read_text()),
        ("subject-key", "subject.key", (made / "keys" / "subject.key").read_text()),
        ("audit-token", "token", by_role["auditor"]),
        ("settings", "countersign.toml", one(objects, "ConfigMap")["data"]["countersign.toml"]),
    ):
        (folder(volumes, volume) / name).write_text(text)
        (volumes / volume / name).chmod(0o600)
        folder(volumes, volume)
    template = one(objects, "Deployment")["spec"]["template"]
    played = volumes / "pod.yaml"
    played.write_text(yaml.safe_dump(playable(template, {"service": service_image, "sidecar": sidecar_image}, volumes)))
    engine.podman("kube", "play", "--network", "host", str(played))
    running = Pod(volumes, network, by_role["consumer"])
    try:
        wait_until("the pod is ready", running.is_ready)
    except AssertionError:
        for name in ("service", "sidecar"):
            print(engine.podman("logs", f"countersign-{name}", check=False))
        raise
    yield running
    engine.podman("kube", "down", str(played))


def test_it_answers_with_evidence_that_verifies(pod: Pod, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A prediction, its receipt, and the verdict of the command line with the public key that the image made."""
    status, answer = pod.ask("/predict", CUSTOMER)
    assert status == 200
    receipt = tmp_path / "receipt.json"

    def covered() -> bool:
        code, found = pod.ask(f"/predict/{answer['request_id']}/receipt")
        receipt.write_text(json.dumps(found))
        return code == 200

    wait_until("a checkpoint covers the record", covered)
    (tmp_path / "answer.json").write_text(json.dumps(answer))
    key = pod.volumes / "made" / "keys" / "log.vkey"
    words = ["audit", "verify", str(receipt), "--key", str(key), "--answer", str(tmp_path / "answer.json")]
    assert main(words) == 0, capsys.readouterr()


@pytest.mark.parametrize("name", ["service", "sidecar"])
def test_its_containers_are_confined(pod: Pod, engine: Engine, name: str) -> None:
    """As the chart says: a user that is nobody, a root that is read-only, not one capability."""
    (found,) = json.loads(engine.podman("inspect", f"countersign-{name}").stdout)
    assert found["State"]["Status"] == "running"
    assert found["HostConfig"]["ReadonlyRootfs"]
    assert not found["EffectiveCaps"]
    status = engine.podman(
        "exec", f"countersign-{name}", "python3", "-c", "print(open('/proc/1/status').read())"
    ).stdout
    told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert told["Uid"].split() == told["Gid"].split() == ["65532"] * 4
    assert (told["NoNewPrivs"], told["CapBnd"]) == ("1", "0" * 16)


def test_it_cannot_write_into_its_image(engine: Engine, sidecar_image: str) -> None:
    """Nor beside it: what is no volume is read-only."""
    for place in ("/app/x", "/x"):
        words = ["--entrypoint", "python3", sidecar_image, "-c", f"open({place!r}, 'w')"]
        refused = engine.podman("run", *CONFINED, *words, check=False)
        assert refused.returncode == 1
        assert "Read-only file system" in refused.stderr


def test_a_card_that_was_changed_does_not_start(engine: Engine, service_image: str, pod: Pod) -> None:
    """The image's bundle is held against what the pod's annotations name."""
    given = ["--env", "COUNTERSIGN_RELEASE__CARD=sha256:" + "0" * 64, "--volume", f"{pod.volumes}/subject-key:/keys"]
    words = ["serve", "--bundle", "/bundle", "--evidence", "unix:/tmp/none.sock", "--subject-key", "/keys/subject.key"]
    refused = engine.podman("run", *CONFINED, *given, service_image, *words, check=False)
    assert refused.returncode != 0
    assert "card" in refused.stderr.splitlines()[-1]


def test_the_gates_command_runs_in_the_sidecars_image(engine: Engine, sidecar_image: str) -> None:
    """What the Job before a sync asks of a promoted environment's verdict, all but the list that only a cluster has."""
    (job,) = (ROOT / "environments" / "prod" / "rendered").glob("job-countersign-gate-*.yaml")
    words = yaml.safe_load(job.read_text())["spec"]["template"]["spec"]["containers"][0]["args"]
    where = {
        "/verdict/verdict.vsa.intoto.jsonl": next((ROOT / "environments" / "prod" / "verdict").glob("*.vsa.*")),
        "/key/gate.pub": ROOT / "environments" / "demonstration-keys" / "gate.pub",
    }
    mounts = [word for place, source in where.items() for word in ("--volume", f"{source}:{place}:ro")]
    asked = words[: words.index("--allow")]
    day = signed_on(where["/verdict/verdict.vsa.intoto.jsonl"])
    engine.podman("run", *CONFINED, *mounts, sidecar_image, *asked, "--as-of", day)
    other = [word.replace("sidecar@sha256:4", "sidecar@sha256:5") for word in asked]
    refused = engine.podman("run", *CONFINED, *mounts, sidecar_image, *other, "--as-of", day, check=False)
    assert refused.returncode == 1
