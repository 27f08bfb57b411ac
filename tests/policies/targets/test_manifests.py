# SPDX-License-Identifier: Apache-2.0
"""Rendered objects are read whole or not at all, each value with its place."""

import shutil
import subprocess
from pathlib import Path

import pytest

from policies.errors import CannotEvaluate, TargetUnreadable
from policies.targets.chart import find_helm
from policies.targets.manifests import read_manifests
from tests.conformance.outside import outside
from tests.tree import ROOT

FIXTURES = ROOT / "tests" / "fixtures" / "policies"
OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\n"


def test_every_object_of_every_file_is_read_with_its_place() -> None:
    """A finding points at the line of the file that an editor opens."""
    target = read_manifests(str(FIXTURES / "rendered"))
    kinds = {item.kind for item in target.objects}
    assert {"Deployment", "Job", "NetworkPolicy", "PrometheusRule"} <= kinds
    (deployment,) = target.of("Deployment")
    place = deployment.at("spec", "template", "spec", "containers", 0, "image")
    line = Path(place.file).read_text().splitlines()[place.line - 1]
    assert line[place.column - 1 :].startswith("image: registry.example/countersign/telco-watson@")


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({}, "holds no Kubernetes object"),
        ({"a.yaml": "# nothing\n---\n"}, "holds no Kubernetes object"),
        ({"a.txt": OBJECT}, "holds no Kubernetes object"),
        ({"a.yaml": OBJECT + "kind: Secret\n"}, "a.yaml:5:1: duplicate key `kind`"),
        ({"a.yaml": OBJECT + "---\n- 1\n"}, "a.yaml:6:1: the document is no Kubernetes object"),
        ({"a.yaml": "kind: ConfigMap\n"}, "has no `apiVersion`"),
        ({"a.yaml": "apiVersion: v1\nkind: 7\n"}, "has no `kind`"),
        ({"a.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {}\n"}, "has no metadata.name"),
        ({"a.yaml": "apiVersion: v1\nkind: List\nitems: []\n"}, "hides its objects"),
        ({"a.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"}, "run kustomize build"),
        ({"a.yaml": OBJECT + "data:\n  x: {{ .Values.x }}\n"}, "template is not rendered"),
        ({"a.yaml": OBJECT, "b/b.yml": OBJECT}, "ConfigMap one is also at"),
        ({"a.yaml": OBJECT, "b.json": "{"}, "b.json:"),
        ({"a.yaml": OBJECT + "data: &x {}\n"}, "anchors and aliases"),
        ({"a.yaml": OBJECT + "data:\n  big: 9007199254740993\n"}, "no canonical JSON"),
    ],
)
def test_what_is_not_wholly_understood_is_unreadable(tmp_path: Path, files: dict[str, str], what: str) -> None:
    """Nothing is left out in silence: the target is refused with the place and the mend."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(TargetUnreadable, match=what):
        read_manifests(str(tmp_path))


def test_a_folder_that_is_not_there_is_unreadable(tmp_path: Path) -> None:
    """A misspelt name judges nothing, and says so."""
    with pytest.raises(TargetUnreadable, match="is not a folder"):
        read_manifests(str(tmp_path / "rendred"))


def test_links_are_refused(tmp_path: Path) -> None:
    """What is judged lies in the folder, and not wherever a link leads by then."""
    (tmp_path / "a.yaml").write_text(OBJECT)
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    with pytest.raises(TargetUnreadable, match="symbolic link"):
        read_manifests(str(tmp_path))


def test_json_is_read_too(tmp_path: Path) -> None:
    """Argo CD applies JSON files of a folder; so they are judged."""
    (tmp_path / "a.json").write_text('{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "one"}}')
    (item,) = read_manifests(str(tmp_path)).objects
    assert (item.kind, item.name) == ("Secret", "one")


def test_a_chart_is_rendered_and_placed_by_template(tmp_path: Path) -> None:
    """Lines are those of the files that `helm template --output-dir` writes; hooks and tests are among them."""
    helm = outside("helm")
    target = read_manifests(str(FIXTURES / "chart"), helm)
    assert [item.kind for item in target.objects] == ["ConfigMap", "Service", "Pod"]
    config, service, pod = target.objects
    assert config.get("data", "text") == "kept as it is\n  ---\n# Source: small/templates/other.yaml\n"
    assert pod.at().file == f"{FIXTURES}/chart (rendered)/templates/test.yaml"
    place = service.at("spec", "ports")
    assert place.file == f"{FIXTURES}/chart (rendered)/templates/model.yaml"
    command = ["template", "countersign", str(FIXTURES / "chart"), "--output-dir", str(tmp_path)]
    subprocess.run([helm, *command], check=True, capture_output=True)
    written = (tmp_path / "small" / "templates" / "model.yaml").read_text().splitlines()
    assert written[place.line - 1 :][:2] == ["  ports:", "    - port: 80"]


def test_templates_of_any_name_are_read(tmp_path: Path) -> None:
    """Helm renders whatever lies in templates/; a file without a suffix hides nothing."""
    shutil.copytree(FIXTURES / "chart", tmp_path / "chart")
    (tmp_path / "chart" / "templates" / "hidden").write_text(OBJECT)
    assert "one" in [item.name for item in read_manifests(str(tmp_path / "chart"), outside("helm")).objects]


def test_values_files_are_named_behind_a_colon() -> None:
    """They are helm's own; here they leave nothing to judge, which is an error and no pass."""
    chart = FIXTURES / "chart"
    with pytest.raises(TargetUnreadable, match="renders no object"):
        read_manifests(f"{chart}:{chart / 'values-none.yaml'}", outside("helm"))


def test_a_chart_that_helm_refuses_is_unreadable(tmp_path: Path) -> None:
    """Helm's own sentence is passed on."""
    shutil.copytree(FIXTURES / "chart", tmp_path / "chart")
    (tmp_path / "chart" / "templates" / "model.yaml").write_text("{{ .Values.none.such }}\n")
    with pytest.raises(TargetUnreadable, match=r"helm does not render the chart: .*nil pointer"):
        read_manifests(str(tmp_path / "chart"), outside("helm"))


@pytest.mark.parametrize("name", ["{chart}:{chart}/missing.yaml", "{folder}:values.yaml"])
def test_values_that_mean_nothing_are_refused(name: str) -> None:
    """A values file that is not there, and values for a folder that is no chart."""
    with pytest.raises(TargetUnreadable, match=r"values file"):
        read_manifests(name.format(chart=FIXTURES / "chart", folder=FIXTURES / "rendered"), Path("unused"))


@pytest.mark.parametrize(
    ("environment", "what"),
    [({"PATH": ""}, "helm is not installed"), ({"PATH": "", "HELM": "/no/helm"}, "HELM names /no/helm")],
)
def test_without_helm_nothing_is_evaluated(environment: dict[str, str], what: str) -> None:
    """A missing helm is never a pass: the run as a whole could not judge."""
    with pytest.raises(CannotEvaluate, match=what):
        find_helm(environment)


def test_a_helm_that_cannot_be_started_evaluates_nothing() -> None:
    """Nor is one that is no program."""
    with pytest.raises(CannotEvaluate, match="cannot be started"):
        read_manifests(str(FIXTURES / "chart"), FIXTURES)
