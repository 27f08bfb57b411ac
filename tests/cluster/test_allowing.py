# SPDX-License-Identifier: Apache-2.0
"""`verify-verdict --allow` against a real API server, with the account, rights and policies that it has there."""

import copy
import datetime as dt
import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from contracts.image import parse_image
from policies.admission.allowance import CURRENT, MAX_ENTRIES, Allowance, allow
from policies.admission.api_server import ApiServer, ApiServerRefused, change_config_map
from policies.verdict.statement import VERIFIER
from tests.charts.rendering import CHART, WHOLE, Object, of, one, template
from tests.charts.test_gate import at, run_gate_job, with_verdict
from tests.cluster.cluster import API_ADDRESS, Cluster
from tests.cluster.waiting import wait_until

ADMISSION: Final = CHART / "ci" / "admission-policy-values.yaml"
NAMESPACES: Final = [f"allowing-{number}" for number in range(5)]
LIST: Final = "countersign-allowed"
_numbers: Final = itertools.count()


class Allowing(NamedTuple):
    """A namespace under the policies, and where a pod's account would be mounted."""

    cluster: Cluster
    namespace: str
    account: Path

    @property
    def list(self) -> str:
        """Where the list is."""
        return f"/api/v1/namespaces/{self.namespace}/configmaps/{LIST}"

    def as_account(self, name: str) -> ApiServer:
        """Hold a token of an account, as the kubelet mounts one."""
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{name}/token"
        token = self.cluster.api.request("POST", path, asked).ok()["status"]["token"]
        self.account.mkdir(exist_ok=True)
        (self.account / "token").write_text(token)
        (self.account / "namespace").write_text(self.namespace)
        shutil.copy(self.cluster.authority.certificate, self.account / "ca.crt")
        return ApiServer(API_ADDRESS, 443, self.account, self.namespace)

    def data(self) -> dict[str, str]:
        """What the list holds."""
        found: dict[str, str] = self.cluster.api.get(self.list).ok()["data"]
        return found

    def create(self, item: Object) -> tuple[int, str]:
        """Try it here as somebody who may do everything; nothing stays."""
        here = {**item, "metadata": {**item["metadata"], "namespace": self.namespace}}
        # The policy lets trials of Deployments pass, for Argo CD compares by them.
        is_trial = item["kind"] != "Deployment"
        answer = self.cluster.api.create(here, **({"dryRun": "All"} if is_trial else {}))
        if answer.status == 201 and not is_trial:
            self.cluster.api.delete(self.cluster.api.path(here)).ok()
        return answer.status, answer.message

    def admitted(self, item: Object) -> None:
        """It comes in, a moment after the list was written: the API server reads its own copy."""
        wait_until("it is admitted", lambda: self.create(item) == (201, ""), 60)


@pytest.fixture
def allowing(controllers: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Allowing:
    """A fresh namespace under policies, Role and binding as the platform renders them, under a name of their own."""
    if not (controllers.folder / "allowing").exists():
        for name in NAMESPACES:
            controllers.namespace(name)
        writers = [f"system:serviceaccount:{name}:countersign-gate" for name in NAMESPACES]
        given = {"namespaces": NAMESPACES, "writers": writers}
        sets = tuple(f"admissionPolicy.{key}={json.dumps(value)}" for key, value in given.items())
        controllers.apply(*template(ADMISSION, release="allowing", sets=sets).objects())
        (controllers.folder / "allowing").touch()
    found = Allowing(controllers, NAMESPACES[next(_numbers)], tmp_path / "account")
    for account in ("countersign", "countersign-gate"):
        metadata = {"name": account, "namespace": found.namespace}
        controllers.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    probe = pod(template(WHOLE).objects())
    wait_until("the policies are in force", lambda: found.create(probe)[0] == 422, 60)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", API_ADDRESS)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    at(monkeypatch, "2026-12-01")
    return found


def test_what_the_gate_allows_is_admitted(allowing: Allowing, tmp_path: Path) -> None:
    """Before the Job nothing comes in; after it this release does; running it again changes nothing."""
    objects = with_verdict(tmp_path)
    assert allowing.create(one(objects, "Deployment"))[0] == 422
    allowing.as_account("countersign-gate")
    assert run_gate_job(objects, tmp_path) == 0
    for item in (one(objects, "Deployment"), pod(objects)):
        allowing.admitted(item)
    before = allowing.data()
    assert run_gate_job(objects, tmp_path) == 0
    assert allowing.data() == before


def test_an_account_without_the_right_writes_nothing(
    allowing: Allowing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pods that serve have an account, too; the verdict is a good one all the same."""
    allowing.as_account("countersign")
    assert run_gate_job(with_verdict(tmp_path), tmp_path) == 2
    said = capsys.readouterr().err
    assert f'did not let this account read the ConfigMap {LIST}: 403 configmaps "{LIST}" is forbidden' in said
    assert allowing.cluster.api.get(allowing.list).status == 404


def test_the_gates_account_writes_that_list_alone(allowing: Allowing) -> None:
    """Another ConfigMap it may make, for a create cannot be granted by name, and neither read nor change."""
    gate = allowing.as_account("countersign-gate")
    with pytest.raises(ApiServerRefused, match='configmaps "countersign" is forbidden'):
        change_config_map(gate, "countersign", lambda data: {**data, "current": "mine"})


def test_a_full_list_costs_no_more_than_admission_may(allowing: Allowing, tmp_path: Path) -> None:
    """The API server stops an expression that costs too much, and then no pod of any release could start."""
    objects = with_verdict(tmp_path)
    images = {each["image"] for each in _containers(one(objects, "Deployment"))}
    known = tuple(image for image in map(parse_image, sorted(images)) if image is not None)
    long = "registry.example/" + "a-name-as-long-as-registries-have-them/" * 4
    entries: dict[str, str] = {}
    for number in range(MAX_ENTRIES):
        others = tuple(image._replace(name=f"{long}{image.name}", digest=f"{number:064x}") for image in known)
        release = Allowance(f"{number:064x}", f"{number:064x}", (*others, *known))
        entries = allow(entries, release, "ab" * 32, dt.datetime.now(dt.UTC))
    gate = allowing.as_account("countersign-gate")
    assert change_config_map(gate, LIST, lambda data: {**data, **entries})
    for item, said in (
        (one(objects, "Deployment"), "allowed last"),
        (pod(objects), "no release that the gate ever allowed"),
    ):
        status, message = allowing.create(item)
        assert (status, said in message) == (403, True), message
    last = next(key for key in sorted(entries, reverse=True) if key != CURRENT)
    notes = one(objects, "Deployment")["metadata"]["annotations"]
    card, artifact = (notes[f"countersign.dev/{part}"].removeprefix("sha256:") for part in ("card", "artifact"))
    line = " ".join(Allowance(card, artifact, known).words)
    assert change_config_map(gate, LIST, lambda data: {**data, last: line, CURRENT: line})
    for item in (one(objects, "Deployment"), pod(objects)):
        allowing.admitted(item)


def gate_pod(objects: list[Object]) -> Object:
    """The pod of the gate's Job."""
    (job,) = (item for item in of(objects, "Job") if item["metadata"]["name"].startswith("countersign-gate-"))
    made = job["spec"]["template"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**made["metadata"], "name": "one"}, "spec": made["spec"]}


def _ask_for(gate: Object, decoy: str) -> None:
    """A level of the lowest profile, and what hides it as the value of an option that the next one replaces."""
    place = gate["args"].index("COUNTERSIGN_PROFILE_PROD")
    gate["args"][place] = "COUNTERSIGN_PROFILE_DEV"
    gate["args"] += ["--verifier", decoy, "--verifier", VERIFIER]


_COMMAND: Final = {"exec": {"command": ["python", "-c", "print(open('/run/secrets/token').read())"]}}
SPOILT: Final[dict[str, Callable[[Object], Any]]] = {
    "another key beside": lambda gate: gate["args"].extend(["--key", "/verdict/mine.pub"]),
    "another key in one word": lambda gate: gate["args"].append("--key=/verdict/mine.pub"),
    "another key instead": lambda gate: gate["args"].__setitem__(3, "/verdict/mine.pub"),
    "another day": lambda gate: gate["args"].append("--as-of=2026-11-23"),
    "another account": lambda gate: gate["args"].extend(["--account", "/verdict"]),
    "a laxer profile": lambda gate: gate["args"].remove("COUNTERSIGN_PROFILE_PROD"),
    "a laxer profile, and the word elsewhere": lambda gate: _ask_for(gate, "COUNTERSIGN_PROFILE_PROD"),
    "a laxer profile, and the words in one": lambda gate: _ask_for(gate, "x\n--level\nCOUNTERSIGN_PROFILE_PROD\n"),
    "a file laid over the program": lambda gate: gate["volumeMounts"].append({"name": "verdict", "mountPath": "/usr"}),
    "the key from elsewhere": lambda gate: gate["volumeMounts"][1].update(name="verdict"),
    "a part of a volume": lambda gate: gate["volumeMounts"][0].update(subPath="x"),
    "a folder to start in": lambda gate: gate.update(workingDir="/verdict"),
    "a command when it starts": lambda gate: gate.update(lifecycle={"postStart": _COMMAND}),
    "a command while it runs": lambda gate: gate.update(livenessProbe=_COMMAND),
}


def test_what_passes_for_the_gate_asks_as_the_gate_and_brings_nothing(allowing: Allowing) -> None:
    """It runs before anything is allowed, under the account that writes the list; each of these is a way to that."""
    objects = template(CHART / "values-prod.yaml", WHOLE).objects()
    assert allowing.create(gate_pod(objects)) == (201, "")
    for what, spoil in SPOILT.items():
        made = copy.deepcopy(gate_pod(objects))
        spoil(made["spec"]["containers"][0])
        status, message = allowing.create(made)
        said = "under the gate's label nothing runs but the verification" in message
        assert (status, said) == (403, True), f"{what}: {status} {message}"


def pod(objects: list[Object]) -> Object:
    """A pod as its controller would make it."""
    made = one(objects, "Deployment")["spec"]["template"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**made["metadata"], "name": "one"}, "spec": made["spec"]}


def _containers(item: Object) -> list[Object]:
    spec = item["spec"]["template"]["spec"]
    return [*spec["initContainers"], *spec["containers"]]
