# SPDX-License-Identifier: Apache-2.0
"""The committed environments: what lies there is what their verdicts are about, and Argo CD is pointed at it."""

import base64
import json
from pathlib import Path
from typing import Final

import pytest
import yaml

from countersign.__main__ import main
from policies.promotion.release import read_release
from tests.charts.rendering import container
from tests.tree import ROOT

FOLDERS: Final = sorted(path for path in (ROOT / "environments").iterdir() if (path / "rendered").is_dir())


def signed_on(verdict: Path) -> str:
    payload = json.loads(base64.b64decode(json.loads(verdict.read_bytes())["payload"]))
    return str(payload["predicate"]["https://countersign.dev/verdict/v1/asOf"])


def test_there_is_one_to_look_at() -> None:
    """Staging at least."""
    assert "staging" in {folder.name for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_folder_is_what_its_verdict_is_about(folder: Path) -> None:
    """Objects, images and bundle, on the day on which it was signed."""
    release = read_release(folder.with_suffix(".yaml"))
    (verdict,) = folder.glob("verdict/*.vsa.intoto.jsonl")
    words = ["verify-verdict", str(verdict), "--key", str(ROOT / release.public_key), "--as-of", signed_on(verdict)]
    words += ["--bundle", str(ROOT / release.bundle), "--manifests", str(folder / "rendered")]
    words += [word for image in release.images.values() for word in ("--image", image)]
    assert main([*words, "--level", f"COUNTERSIGN_PROFILE_{release.profile.upper()}"]) == 0


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_its_job_accepts_it(folder: Path, tmp_path: Path) -> None:
    """The PreSync Job as it lies there, with the verdict from the ConfigMap beside it."""
    (file,) = folder.glob("rendered/job-countersign-gate-*.yaml")
    gate = container(yaml.safe_load(file.read_text())["spec"]["template"], "gate")
    data = yaml.safe_load((folder / "rendered" / "configmap-countersign-gate.yaml").read_text())["data"]
    (verdict,) = folder.glob("verdict/*.vsa.intoto.jsonl")
    assert data["verdict.vsa.intoto.jsonl"].encode() == verdict.read_bytes()
    release = read_release(folder.with_suffix(".yaml"))
    given = {"/verdict/verdict.vsa.intoto.jsonl": str(verdict), "/key/gate.pub": str(ROOT / release.public_key)}
    assert gate["args"][-2:] == ["--allow", "countersign-allowed"]  # for a cluster; test_gate.py gives it one
    assert main([*(given.get(word, word) for word in gate["args"][:-2]), "--as-of", signed_on(verdict)]) == 0


def test_argo_cd_is_pointed_at_these_folders() -> None:
    """By the list of environments, each in its own namespace."""
    documents = yaml.safe_load_all((ROOT / "gitops" / "argocd" / "applications.yaml").read_text())
    (applications,) = (item["spec"] for item in documents if item and item["kind"] == "ApplicationSet")
    names = {element["environment"] for element in applications["generators"][0]["list"]["elements"]}
    spec = applications["template"]["spec"]
    for name in names:
        release = read_release(ROOT / "environments" / f"{name}.yaml")
        path = ROOT / spec["source"]["path"].replace("{{.environment}}", name)
        assert path.parent.parent == ROOT / "environments"
        assert path.name == "rendered"
        assert spec["destination"]["namespace"].replace("{{.environment}}", name) == release.namespace
    assert {folder.name for folder in FOLDERS} <= names
