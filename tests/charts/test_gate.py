# SPDX-License-Identifier: Apache-2.0
"""The product's own gate over its own chart and GitOps objects; and the gate's Job, run as it is rendered."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from countersign.__main__ import main
from countersign.commands import verify_verdict
from policies.report import Report
from policies.rules.judgement import Finding
from policies.rules.kubernetes.image_digest import image_subjects
from policies.rules.loader import load_product
from policies.targets.argocd import ArgoCd, read_argocd
from policies.targets.manifests import Manifests, read_manifests
from policies.verdict.verdicts import Terms, sign_verdicts
from tests.charts.rendering import (
    CHART,
    SCENARIOS,
    WHOLE,
    Object,
    container,
    containers,
    of,
    one,
    pods,
    scenario,
    template,
)
from tests.conformance.outside import outside
from tests.policies.admission.api_server import Cluster, running
from tests.policies.examples import released, run
from tests.policies.output.reports import passed
from tests.policies.verdict.test_verification import SIGNED
from tests.tree import ROOT

ARGOCD = ROOT / "gitops" / "argocd"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def refused(target: Manifests | ArgoCd, over: str) -> dict[str, tuple[Finding, ...]]:
    """The rules over this kind of target that find something."""
    whole = run(released("telco-watson"))
    judgements = {each.rule.id: each.check(target, whole) for each in load_product() if each.rule.over == over}
    assert len(judgements) >= 4
    return {rule: judgement.findings for rule, judgement in judgements.items() if judgement.findings}


def test_the_chart_passes_the_gate() -> None:
    """Every rule over manifests, the alerts on the card's monitors among them."""
    assert refused(read_manifests(f"{CHART}:{WHOLE}", outside("helm")), "manifests") == {}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("images.requireDigests=false", "K8S-001"),
        ('release.card="sha256:' + "5b" * 32 + '"', "K8S-002"),
        ("podSecurityContext.runAsNonRoot=false", "K8S-003"),
        ('service.resources={"limits": {"memory": null}}', "K8S-004"),
        ("networkPolicy.enabled=false", "K8S-005"),
        ("gate.enabled=false", "GIT-003"),
    ],
)
def test_values_that_weaken_it_do_not(change: str, rule: str, tmp_path: Path) -> None:
    """Most of the chart can be overridden, as people ask for; the gate sees what comes of it."""
    sets = (change, 'images.service.digest=""') if rule == "K8S-001" else (change,)
    (tmp_path / "all.yaml").write_text(template(WHOLE, sets=sets).out)
    assert rule in refused(read_manifests(str(tmp_path)), "manifests")


def test_the_gitops_objects_pass_the_gate() -> None:
    """Projects without wildcards, reviewed revisions, signed commits, no option that goes around hooks."""
    assert refused(read_argocd(str(ARGOCD)), "argocd") == {}


def test_projects_list_what_the_chart_renders_and_nothing_else() -> None:
    """A kind that is missing stops a sync; one too many is a door."""
    rendered = {
        (item["apiVersion"], item["kind"])
        for file in SCENARIOS
        for item in scenario(file)
        if item["metadata"].get("annotations", {}).get("helm.sh/hook") != "test"  # Argo CD never applies these
    }
    kinds = {(version.rpartition("/")[0], kind) for version, kind in rendered}
    documents = yaml.safe_load_all((ARGOCD / "projects.yaml").read_text())
    projects = {item["metadata"]["name"]: item["spec"] for item in documents if item}
    admission = {kind for kind in kinds if kind[1].startswith("ValidatingAdmission")}
    rights = {kind for kind in kinds if kind[0] == "rbac.authorization.k8s.io"}
    assert _kinds(projects["models"]["namespaceResourceWhitelist"]) == kinds - admission - rights
    assert _kinds(projects["platform"]["namespaceResourceWhitelist"]) == rights
    assert projects["models"]["clusterResourceWhitelist"] == []
    assert _kinds(projects["platform"]["clusterResourceWhitelist"]) == admission


def _kinds(entries: list[dict[str, str]]) -> set[tuple[str, str]]:
    return {(entry["group"], entry["kind"]) for entry in entries}


def judged() -> Report:
    """A run that passed, over manifests that run the images of the whole rendering."""
    report = passed()
    images = image_subjects(read_manifests(f"{CHART}:{WHOLE}", outside("helm")))
    bundle, manifests = report.targets
    ran = msgspec.structs.replace(manifests, digests={**manifests.digests, **images})
    return msgspec.structs.replace(report, targets=(bundle, ran))


def with_verdict(tmp_path: Path, *sets: str, **release: str) -> list[Object]:
    """The whole rendering under a real verdict."""
    (signed,) = sign_verdicts(judged(), KEY, Terms(SIGNED))
    text = signed.verdict.decode()
    values = {
        "release": {"verdict": f"sha256:{hashlib.sha256(signed.verdict).hexdigest()}", **release},
        "gate": {"verdictText": text, "manifests": "cd" * 32, "resourceUri": signed.summary.resource_uri},
    }
    file = tmp_path / "values.json"
    file.write_text(json.dumps(values))
    return template(WHOLE, file, sets=sets).objects()


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Job asks the clock; no test does."""
    at(monkeypatch, "2026-12-01")


def at(monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    now = dt.datetime.fromisoformat(f"{day}T00:00:00Z")
    monkeypatch.setattr(verify_verdict, "_now", lambda: now)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """The API server that the pod's environment names."""
    found = Cluster()
    with running(found, tmp_path) as server:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", server.host)
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
        yield found


def run_gate_job(objects: list[Object], tmp_path: Path) -> int:
    """Do what the Job's container does, with its volumes where a test may write."""
    (job,) = (pod for title, pod in pods(objects).items() if title.startswith("Job countersign-gate-"))
    for name, text in one(objects, "ConfigMap", "countersign-gate")["data"].items():
        (tmp_path / name).write_text(text)
    (tmp_path / "gate.pub").write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    words = [
        str(tmp_path / word.rpartition("/")[2]) if word.startswith(("/verdict/", "/key/")) else word
        for word in container(job, "gate")["args"]
    ]
    return main([*words, "--account", str(tmp_path / "account")])


def test_the_job_allows_what_it_has_verified(tmp_path: Path, cluster: Cluster) -> None:
    """The digests in its arguments are those of the pods beside it, and these stand on the list afterwards."""
    objects = with_verdict(tmp_path)
    assert run_gate_job(objects, tmp_path) == 0
    allowed = cluster.maps["countersign-allowed"]["data"]["current"].split(" ")
    for pod in (one(objects, "Deployment")["spec"]["template"],):
        for part in ("card", "artifact"):
            assert f"{part}={pod['metadata']['annotations'][f'countersign.dev/{part}']}" in allowed
        assert {f"image={each['image']}" for each in containers(pod)} <= set(allowed)


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"card": "sha256:" + "5b" * 32}, "subjects"),
        ({"artifact": "sha256:" + "5b" * 32}, "subjects"),
        ('images.service.digest="sha256:' + "5b" * 32 + '"', "subjects"),
        ('gate.levels=["COUNTERSIGN_PROFILE_STAGING"]', "levels"),
    ],
)
def test_the_job_refuses_another_release_and_allows_nothing(
    change: dict[str, str] | str, step: str, tmp_path: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pod that names another card, artifact or image than the verdict never comes to be."""
    objects = with_verdict(tmp_path, change) if isinstance(change, str) else with_verdict(tmp_path, **change)
    assert run_gate_job(objects, tmp_path) == 1
    assert f", {step}: " in capsys.readouterr().out
    assert cluster.asked == []


def test_the_job_refuses_a_verdict_that_has_ended(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty days after it was signed; no argument turns back its clock."""
    at(monkeypatch, "2026-12-24")
    objects = with_verdict(tmp_path)
    assert run_gate_job(objects, tmp_path) == 1
    (job,) = (pod for title, pod in pods(objects).items() if title.startswith("Job countersign-gate-"))
    container(job, "gate")["args"] += ["--as-of", "2026-12-01"]
    assert run_gate_job(objects, tmp_path) == 64
    assert cluster.asked == []


def test_the_job_fails_where_it_may_not_write_the_list(
    tmp_path: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is verified and not allowed would be stopped by admission, pod by pod, after the sync had begun."""
    cluster.forbidden = {"POST"}
    assert run_gate_job(with_verdict(tmp_path), tmp_path) == 2
    assert "did not let this account write the ConfigMap countersign-allowed: 403" in capsys.readouterr().err


def test_the_job_is_one_of_its_verdict_and_before_everything(tmp_path: Path) -> None:
    """Waves: what the gate needs, the gate, what the migration needs, the migration, then the sync."""
    objects = with_verdict(tmp_path)
    verdict = one(objects, "Deployment")["metadata"]["annotations"]["countersign.dev/verdict"]
    waves = {
        item["metadata"]["name"]: int(item["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"])
        for item in of(objects, "Job")
    }
    gate = f"countersign-gate-{verdict.removeprefix('sha256:')[:12]}"
    assert waves == {gate: -10, "countersign-migration": -5}
    for kind in ("ServiceAccount", "NetworkPolicy", "ConfigMap"):
        for name, before in (("countersign-gate", -10), ("countersign-migration", -5)):
            for item in of(objects, kind):
                if item["metadata"]["name"] == name:
                    notes = item["metadata"]["annotations"]
                    assert notes["argocd.argoproj.io/hook"] == "PreSync"
                    assert int(notes["argocd.argoproj.io/sync-wave"]) < before


def test_the_verdict_stands_nowhere_in_what_it_is_about(tmp_path: Path) -> None:
    """Otherwise no verdict could be about a rendering that names it."""
    digests = []
    for name, values in (("one", {}), ("two", {"gate": {"verdictText": "other"}})):
        folder = tmp_path / name
        folder.mkdir()
        if values:
            text = hashlib.sha256(b"other").hexdigest()
            (tmp_path / "v.json").write_text(json.dumps({**values, "release": {"verdict": f"sha256:{text}"}}))
        (folder / "all.yaml").write_text(template(WHOLE, *([tmp_path / "v.json"] if values else [])).out)
        digests.append(read_manifests(str(folder)).digest)
    assert digests[0] == digests[1]


def test_argo_cd_applies_files_as_they_are() -> None:
    """No application leaves it to what lies in the folder how it is rendered: that would be judged by nobody."""
    documents = yaml.safe_load_all((ARGOCD / "applications.yaml").read_text())
    specs = [each["spec"] for each in documents if each]
    sources = [spec["template"]["spec"]["source"] if "template" in spec else spec["source"] for spec in specs]
    assert [source["directory"] for source in sources] == [{"include": "*.yaml"}] * len(sources)
    assert len(sources) > 1
