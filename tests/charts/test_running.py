# SPDX-License-Identifier: Apache-2.0
"""The containers of the rendered pod, started as processes with the rendered arguments, settings and variables.

What a kubelet does beside that (pulling, confining, probing, its order of stopping) is not shown here.
"""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from contracts.address import free_ports
from countersign.__main__ import main
from countersign.state import prepare_state
from tests.charts.rendering import CHART, Object, container, one, scenario
from tests.end_to_end.living import ROOT, await_true

BUNDLE = ROOT / "models" / "telco-watson" / "1.0.0"
CUSTOMER = {
    "customer_id": "example-1", "tenure_months": 60, "monthly_charges": 95.0, "total_charges": 5700.0,
    "phone_service": True, "paperless_billing": False, "multiple_lines": "No", "internet_service": "DSL",
    "online_security": "No", "online_backup": "No", "device_protection": "No", "tech_support": "No",
    "streaming_tv": "No", "streaming_movies": "No", "contract": "Month-to-month",
    "payment_method": "Bank transfer (automatic)",
}  # fmt: skip


class Pod(NamedTuple):
    """Two processes and where they listen."""

    folder: Path
    sidecar: subprocess.Popen[bytes]
    service: subprocess.Popen[bytes]
    http: int
    audit: int
    tokens: dict[str, str]

    def ask(self, url: str, role: str, body: Any = None) -> Any:
        """An answer of 200, decoded."""
        request = urllib.request.Request(
            url,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.tokens[role]}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


def answers(url: str) -> bool:
    """What a probe finds."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def made(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What secrets hold, each where its volume is mounted; the tokens by role."""
    state = prepare_state(folder / "state")
    tokens = {}
    for role in ("consumer", "auditor"):
        words = ["token", f"a-{role}", "--role", role, "--tokens", str(folder / "tokens.toml")]
        assert main(words) == 0
        tokens[role] = capsys.readouterr().out.strip().splitlines()[0].split()[-1]
    (folder / "token").write_text(tokens["auditor"])
    for name in ("log.key", "subject.key"):
        (folder / name).write_bytes((state.folder / name).read_bytes())
    return tokens


def started(each: Object, places: dict[str, str], more: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """A container's program, with the paths of its mounts moved to where a test may write."""
    words = [places.get(word, word) for word in each["args"]]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COUNTERSIGN_")}
    with log.open("wb") as out:
        command = [sys.executable, "-m", "countersign", *words]
        return subprocess.Popen(command, stdout=out, stderr=out, cwd=ROOT, env={**environment, **more})


@pytest.fixture
def pod(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Pod]:
    """The pod of the scenario with one log on a volume: the sidecar first, the service when it has started."""
    objects = scenario(CHART / "ci" / "sqlite-values.yaml")
    template = one(objects, "Deployment")["spec"]["template"]
    tokens = made(tmp_path, capsys)
    (tmp_path / "countersign.toml").write_text(one(objects, "ConfigMap")["data"]["countersign.toml"])
    (tmp_path / "anchor").mkdir()
    http, metrics, audit = free_ports(3)
    places = {
        "/settings/countersign.toml": str(tmp_path / "countersign.toml"),
        "sqlite:////data/store.db": f"sqlite:///{tmp_path / 'state' / 'store.db'}",
        "/anchor": str(tmp_path / "anchor"), "/bundle": str(BUNDLE), "/keys/log.key": str(tmp_path / "log.key"),
        "/keys/subject.key": str(tmp_path / "subject.key"), "/tokens/tokens.toml": str(tmp_path / "tokens.toml"),
        "/audit-token/token": str(tmp_path / "token"), "$(POD_IP)": "127.0.0.1",
        "$(POD_IP):8081": f"127.0.0.1:{audit}",
        **{f"unix:/run/countersign/{name}.sock": f"unix:{tmp_path / name}" for name in ("evidence", "audit")},
    }  # fmt: skip
    notes = template["metadata"]["annotations"]
    told = {
        f"COUNTERSIGN_RELEASE__{part.upper()}": notes[f"countersign.dev/{part}"]
        for part in ("card", "artifact", "verdict")
    }
    ports = {"COUNTERSIGN_PORT": str(http), "COUNTERSIGN_METRICS_PORT": str(metrics)}
    running: list[subprocess.Popen[bytes]] = []
    try:
        running.append(started(container(template, "sidecar"), places, {}, tmp_path / "sidecar.log"))
        gate = container(template, "sidecar")["startupProbe"]["httpGet"]["path"]
        await_true(lambda: answers(f"http://127.0.0.1:{audit}{gate}"), "sidecar", (tmp_path / "sidecar.log").read_text)
        service = container(template, "service")
        running.append(started(service, places, {**told, **ports}, tmp_path / "service.log"))
        ready = service["readinessProbe"]["httpGet"]["path"]
        await_true(lambda: answers(f"http://127.0.0.1:{http}{ready}"), "service", (tmp_path / "service.log").read_text)
        yield Pod(tmp_path, running[0], running[1], http, audit, tokens)
    finally:
        for process in running:
            process.kill()
            process.wait()


def resident(process: subprocess.Popen[bytes]) -> int:
    """Bytes of memory that a process holds."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("VmRSS:"))


def requested() -> int:
    """Bytes of memory that the pod asks for."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    requests = [values[part]["resources"]["requests"]["memory"] for part in ("service", "sidecar")]
    return sum(int(text.removesuffix("Mi")) << 20 for text in requests)


def test_the_rendered_pod_answers_with_evidence(pod: Pod) -> None:
    """From the rendered arguments to a record; memory at rest leaves an autoscaler room to come back; a clean stop.

    An autoscaler that watches memory at 80 % settles at two pods only while idle memory is at most 53 % of the request.
    """
    idle = resident(pod.sidecar) + resident(pod.service)
    assert idle <= 0.53 * requested(), f"idle {idle >> 20} MiB: raise requests.memory of the chart"
    answer = pod.ask(f"http://127.0.0.1:{pod.http}/predict", "consumer", CUSTOMER)
    assert answer["evidence"]["index"] >= 0
    log = pod.ask(f"http://127.0.0.1:{pod.http}/governance/audit-log", "auditor")
    assert [entry["request_id"] for entry in log["entries"]] == [answer["request_id"]]
    pod.service.send_signal(signal.SIGTERM)
    assert pod.service.wait(30) == 0
    whole = pod.ask(f"http://127.0.0.1:{pod.audit}/api/completeness", "auditor")
    assert "end" in json.dumps(whole)
    pod.sidecar.send_signal(signal.SIGTERM)
    assert pod.sidecar.wait(30) == 0


def test_the_release_test_finds_the_pod_and_leaves_no_record(pod: Pod, capsys: pytest.CaptureFixture[str]) -> None:
    """What `helm test` runs, with the address of the Service in its place; another model than the release's is told."""
    (tried,) = (item for item in scenario(CHART / "ci" / "read-side-values.yaml") if item["kind"] == "Pod")
    probe, url, *words = container({"spec": tried["spec"]}, "probe")["args"]
    assert (probe, url) == ("probe", "https://countersign.ml-prod.svc:80/ready")
    here = f"http://127.0.0.1:{pod.http}/ready"
    assert main([probe, here, *words]) == 0
    assert main([probe, here, "--says", "model_id=another"]) == 1
    assert "model_id is 'telco-watson', not 'another'" in capsys.readouterr().out
    assert main([probe, f"{here}-not"]) == 1
    assert main([probe, "http://127.0.0.1:1/ready"]) == 1
    assert pod.ask(f"http://127.0.0.1:{pod.http}/governance/audit-log", "auditor")["total"] == 0
