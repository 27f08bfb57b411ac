# SPDX-License-Identifier: Apache-2.0
"""The gate and Checkov on the same manifests: the chart as Helm renders it; a good rendering, with one mistake each.

``python -m bench.gate_comparison`` writes docs/gate-comparison.md. A mistake counts as found by a tool if the tool
reports one of its checks more often than on the good rendering. Checkov runs on each by itself, for some of its checks
look at objects together, in an environment of its own (`bench/requirements/checkov.txt`) and without a key.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from bench.environments import python_of
from bench.errors import BenchFailed
from policies.governance.governance import Governance
from policies.law.law import load_law
from policies.place import Place
from policies.profiles import PROFILES
from policies.rules.kubernetes.family import MODULES
from policies.run import Run
from policies.targets.manifests import read_manifests
from scripts import tools

ROOT: Final = Path(__file__).resolve().parent.parent
RENDERING: Final = ROOT / "tests" / "fixtures" / "policies" / "rendered"
CHART: Final = ROOT / "charts" / "countersign"
VALUES: Final = CHART / "ci" / "whole-values.yaml"
PAGE: Final = ROOT / "docs" / "gate-comparison.md"
POD: Final = "Deployment/spec/template/spec"
SERVICE: Final = f"{POD}/containers/0"
SIDECAR: Final = f"{POD}/initContainers/0"
GONE: Final = "(gone)"


class Mistake(NamedTuple):
    """One value of the good rendering, changed."""

    title: str
    path: str
    value: Any


MISTAKES: Final = (
    Mistake("image by tag", f"{SERVICE}/image", "registry.example/model:1.0.0"),
    Mistake("sidecar's image by tag", f"{SIDECAR}/image", "registry.example/sidecar:1.0.0"),
    Mistake("digest of zeros", f"{SERVICE}/image", f"registry.example/model@sha256:{'0' * 64}"),
    Mistake("sidecar without a security context", f"{SIDECAR}/securityContext", GONE),
    Mistake("container as user 0", f"{SERVICE}/securityContext/runAsUser", 0),
    Mistake("writable root file system", f"{SERVICE}/securityContext/readOnlyRootFilesystem", False),
    Mistake("capabilities kept", f"{SERVICE}/securityContext/capabilities", {"drop": ["NET_RAW"]}),
    Mistake("privileged, written as `yes`", f"{SERVICE}/securityContext/privileged", "yes"),
    Mistake("token of the service account mounted", f"{POD}/automountServiceAccountToken", GONE),
    Mistake("process namespace shared with the sidecar", f"{POD}/shareProcessNamespace", True),
    Mistake("host path mounted", f"{POD}/volumes/0", {"name": "evidence", "hostPath": {"path": "/var"}}),
    Mistake("sidecar without a CPU request", f"{SIDECAR}/resources/requests/cpu", GONE),
    Mistake("quantity `512Mib`", f"{SERVICE}/resources/limits/memory", "512Mib"),
    Mistake("no readiness probe", f"{SERVICE}/readinessProbe", GONE),
    Mistake("probe of a port that is not there", f"{SERVICE}/readinessProbe/httpGet/port", "web"),
    Mistake("preStop pause longer than the grace", f"{POD}/terminationGracePeriodSeconds", 10),
    Mistake("`replicas` beside the autoscaler", "Deployment/spec/replicas", 2),
    Mistake("autoscaler with minimum over maximum", "HorizontalPodAutoscaler/spec/maxReplicas", 1),
    Mistake("metric type `Contaner`", "HorizontalPodAutoscaler/spec/metrics/1/type", "Contaner"),
    Mistake("metric of a container that is not there",
            "HorizontalPodAutoscaler/spec/metrics/1/containerResource/container", "inference"),
    Mistake("budget with both bounds", "PodDisruptionBudget/spec/minAvailable", 1),
    Mistake("budget that lets no pod go", "PodDisruptionBudget/spec/maxUnavailable", 0),
    Mistake("no network policy", "NetworkPolicy:telco-watson", GONE),
    Mistake("network policy for ingress alone", "NetworkPolicy:telco-watson/spec/policyTypes", ["Ingress"]),
    Mistake("network policy that allows the internet",
            "NetworkPolicy:telco-watson/spec/egress/1/to/0/ipBlock/cidr", "0.0.0.0/0"),
    Mistake("selector that selects other pods", "Deployment/spec/selector/matchLabels", {"app": "other"}),
    Mistake("volume mount without a volume", f"{SERVICE}/volumeMounts/0/name", "spool"),
    Mistake("port name over 15 characters", f"{SERVICE}/ports/0/name", "a-name-beyond-fifteen"),
    Mistake("sidecar's restart policy `Sometimes`", f"{SIDECAR}/restartPolicy", "Sometimes"),
    Mistake("object name with capitals", "Service/metadata/name", "Telco_Watson"),
)  # fmt: skip


def main() -> int:
    """Compare, and write the page; 1 when Checkov cannot be had."""
    with tempfile.TemporaryDirectory(prefix="countersign-compare-") as scratch:
        folder = Path(scratch)
        for number, mistake in enumerate((None, *MISTAKES)):
            write(folder / f"{number:02}", mistake)
        cases = sorted(folder.iterdir())
        try:
            chart = render(folder / "chart")
            reports = [checkov(case) for case in cases]
            ours = Chart(gate(chart), checkov(chart)[0])
        except BenchFailed as failed:
            print(f"gate-comparison: {failed}", file=sys.stderr)
            return 1
        mine = [gate(case) for case in cases]
    PAGE.write_text(page(mine, [failed for failed, _ in reports], reports[0][1], ours))
    print(f"gate-comparison: wrote {PAGE.relative_to(ROOT)}")
    return 0


class Chart(NamedTuple):
    """What each tool says of the product's own chart."""

    gate: Counter[str]
    checkov: Counter[str]


def render(folder: Path) -> Path:
    """Render the chart with the values of its fullest scenario into a folder. Raises BenchFailed."""
    try:
        program = tools.find("helm")
    except tools.ToolMissing as missing:
        raise BenchFailed(str(missing)) from missing
    command = [
        str(program),
        "template",
        "countersign",
        str(CHART),
        "--values",
        str(VALUES),
        "--output-dir",
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchFailed(f"helm cannot render the chart: {done.stderr.strip()[-200:]}")
    return folder


def write(folder: Path, mistake: Mistake | None) -> None:
    """Write the rendering with one mistake, or none, as one file."""
    folder.mkdir()
    texts = [file.read_text() for file in sorted(RENDERING.glob("*.yaml"))]
    objects = [item for text in texts for item in yaml.safe_load_all(text) if item]
    if mistake is not None:
        objects = changed(deepcopy(objects), mistake)
    (folder / "all.yaml").write_text(yaml.safe_dump_all(objects, sort_keys=False))


def changed(objects: list[dict[str, Any]], mistake: Mistake) -> list[dict[str, Any]]:
    """The objects with the mistake in them."""
    head, *steps = mistake.path.split("/")
    kind, _, name = head.partition(":")
    (target,) = (item for item in objects if item["kind"] == kind and name in ("", item["metadata"].get("name")))
    if not steps:
        return [item for item in objects if item is not target]
    inner: Any = target
    for step in steps[:-1]:
        inner = inner[int(step)] if isinstance(inner, list) else inner[step]
    last: Any = int(steps[-1]) if isinstance(inner, list) else steps[-1]
    if mistake.value == GONE:
        del inner[last]
    else:
        inner[last] = mistake.value
    return objects


def gate(folder: Path) -> Counter[str]:
    """How often each rule reports something. No bundle is named, so the rule that needs one is left out."""
    run = Run(
        as_of=date(2026, 11, 23),
        profile=PROFILES["prod"],
        law=load_law(),
        governance=Governance(place=Place("governance")),
    )
    target = read_manifests(str(folder))
    return Counter({
        module.RULE.id: len(module.check(target, run).findings) for module in MODULES if not module.RULE.needs
    })  # fmt: skip


def checkov(folder: Path) -> tuple[Counter[str], str]:
    """How often each check of Checkov fails, and its version."""
    program = python_of("checkov").with_name("checkov")
    command = [str(program), "--directory", str(folder), "--framework", "kubernetes", "--output", "json", "--compact"]
    done = subprocess.run([*command, "--quiet", "--skip-download"], capture_output=True, text=True, check=False)
    try:
        report = json.loads(done.stdout)
        failed = Counter(str(check["check_id"]) for check in report["results"]["failed_checks"])
    except (ValueError, KeyError, TypeError):
        raise BenchFailed(f"checkov printed no report: {done.stderr.strip()[-200:]}") from None
    return failed, str(report["summary"]["checkov_version"])


def page(mine: list[Counter[str]], theirs: list[Counter[str]], version: str, chart: Chart) -> str:
    """The document."""
    rows, counts = [], [0, 0]
    for number, mistake in enumerate(MISTAKES, start=1):
        cells = []
        for column, found in enumerate((mine, theirs)):
            ids = sorted(found[number] - found[0])
            counts[column] += bool(ids)
            cells.append(", ".join(ids) or "not found")
        rows.append(f"| {mistake.title} | {cells[0]} | {cells[1]} |")
    total = len(MISTAKES)
    said = ", ".join(f"{name} ({count})" for name, count in sorted(chart.checkov.items())) or "nothing"
    noise = f"On the good rendering itself the gate has {mine[0].total()} findings, Checkov {theirs[0].total()}."
    return f"""# The gate and Checkov on the same manifests

Made by `python -m bench.gate_comparison`, with Checkov {version} in an environment of its own: one good rendering
(`tests/fixtures/policies/rendered`), and the same with one mistake each. A mistake is found if one of a tool's checks
fails more often than on the good one. Of {total} mistakes the gate finds {counts[0]}, Checkov {counts[1]}.
{noise}

On the product's own chart, rendered by Helm with `ci/whole-values.yaml`, the gate's rules over manifests alone have
{chart.gate.total()} findings, Checkov {chart.checkov.total()}: {said}.

The mistakes are ours, and of the kind that this product's own chart could have; so they say where both tools differ,
and nothing of how many mistakes each finds in the world. Checkov knows many more kinds of files and of mistakes, and
the gate does not replace it. What the gate asks of a card, an artifact or a repository has no counterpart there.

| mistake | the gate | Checkov |
|---|---|---|
{chr(10).join(rows)}
"""


if __name__ == "__main__":
    sys.exit(main())
