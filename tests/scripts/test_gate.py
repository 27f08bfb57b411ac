# SPDX-License-Identifier: Apache-2.0
"""The gate as other repositories run it: the step of the hosted action, and the pre-commit hook."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ed25519

from countersign.command import COMMANDS
from policies.verdict.signing_keys import private_pem
from tests import tree

BUNDLE: Final = tree.ROOT / "models" / "telecom-churn" / "1.0.0"
INPUTS: Final = ("BUNDLES", "TARGETS", "ENVIRONMENTS", "PROFILE", "AS_OF", "GOVERNANCE", "CONFIG", "SIGNING_KEY")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a bundle of its own, and with folders that are called like packages of the gate."""
    root = tmp_path / "repository"
    (root / "models" / "churn").mkdir(parents=True)
    (root / "models" / "churn" / "1.0.0").symlink_to(BUNDLE)
    for name in ("policies", "contracts", "countersign"):
        (root / name).mkdir()
        (root / name / "__init__.py").write_text('raise SystemExit("the judged repository was run")\n')
    return root


def step(repository: Path, **inputs: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str], str]:
    """Run the step with the action's defaults and these inputs: the process, its outputs, and the summary page."""
    runner = repository.parent / "runner"
    (runner / "tmp").mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        **{f"GATE_{name}": "" for name in INPUTS},
        "GATE_PROFILE": "prod",
        "GATE_AS_OF": "2026-11-23",
        "GATE_SOURCE": str(tree.ROOT),
        "GATE_PYTHON": sys.executable,
        "RUNNER_TEMP": str(runner / "temp"),
        "TMPDIR": str(runner / "tmp"),
        "GITHUB_OUTPUT": str(runner / "output"),
        "GITHUB_STEP_SUMMARY": str(runner / "summary"),
        **{f"GATE_{name}": value for name, value in inputs.items()},
    }
    ran = subprocess.run(
        ["bash", str(tree.ROOT / "scripts" / "gate.sh")],
        cwd=repository, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    lines = (runner / "output").read_text().splitlines()
    return ran, dict(line.split("=", 1) for line in lines), (runner / "summary").read_text()


def files(folder: str) -> set[str]:
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}


def test_the_step_judges_annotates_and_leaves_its_reports(repository: Path) -> None:
    """Nobody approved this bundle: exit code 1, annotations, a summary, five reports and nothing signed."""
    ran, outputs, summary = step(repository)
    assert ran.returncode == 1, ran.stderr
    assert outputs["exit-code"] == "1"
    assert "::error file=" in ran.stdout
    assert "APPR-001" in summary
    reports = {"gate.sarif", "gate.junit.xml", "gate.json", "gate.md", "models.cdx.json"}
    assert files(outputs["folder"]) == reports
    assert outputs["sarif"] == f"{outputs['folder']}/gate.sarif"


def test_the_step_signs_with_a_key_and_leaves_no_key_behind(repository: Path) -> None:
    """With a key there are verdicts too, for a no as well; the key is in no file afterwards and in no output."""
    pem = private_pem(ed25519.Ed25519PrivateKey.generate())
    ran, outputs, _ = step(repository, SIGNING_KEY=pem, BUNDLES="models/churn/1.0.0")
    assert ran.returncode == 1, ran.stderr
    stem = "verdicts/telecom-churn-1.0.0"
    assert {f"{stem}.vsa.intoto.jsonl", f"{stem}.test-result.intoto.jsonl"} <= files(outputs["folder"])
    secret = pem.splitlines()[1]
    left = [path for path in repository.parent.rglob("*") if path.is_file() and secret in path.read_text("latin-1")]
    assert left == []
    assert secret not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"BUNDLES": "models/none/*"}, 2),
        ({"TARGETS": "manifests=absent"}, 2),
        ({"GOVERNANCE": "absent"}, 2),
        ({"SIGNING_KEY": "no key"}, 2),
        ({"PROFILE": "lenient"}, 64),
        ({"BUNDLES": "$(touch planted) ;touch planted"}, 2),
        ({"AS_OF": "2026-11-23; touch planted"}, 64),
    ],
)
def test_the_step_fails_closed(repository: Path, inputs: dict[str, str], code: int) -> None:
    """Whatever an input says, the step passes nothing that was not judged, tells its exit code, and runs no input."""
    ran, outputs, summary = step(repository, **inputs)
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert outputs["exit-code"] == str(code)
    assert summary
    assert not list(repository.parent.rglob("planted"))


def test_the_step_looks_at_what_is_deployed(repository: Path) -> None:
    """An environment without a folder, and one without a file, are told by name; a good judgement helps neither."""
    for folder in ("governance", "charts", "gitops"):
        (repository / folder).symlink_to(tree.ROOT / folder)
    (repository / "models" / "telco-watson").symlink_to(BUNDLE.parents[1] / "telco-watson")
    (repository / "environments").mkdir()
    (repository / "environments" / "demonstration-keys").symlink_to(tree.ROOT / "environments" / "demonstration-keys")
    (repository / "environments" / "staging.yaml").symlink_to(tree.ROOT / "environments" / "staging.yaml")
    ran, outputs, summary = step(repository, BUNDLES="models/telco-watson/1.0.0", ENVIRONMENTS="staging $(prod)")
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert outputs["exit-code"] == "2"
    assert "there are 0 verdicts where there has to be one; promote again" in ran.stderr
    assert "environment `staging`: not what its verdict is about, or no longer (exit code 2)" in summary
    assert "environment `$(prod)`: not what its verdict is about" in summary


def test_the_action_hands_over_every_input() -> None:
    """Each input of the action is used, and each variable of the script is set by it."""
    action = yaml.safe_load((tree.ROOT / "action.yml").read_text())
    gate = next(entry for entry in action["runs"]["steps"] if entry.get("id") == "gate")
    script = (tree.ROOT / "scripts" / "gate.sh").read_text()
    assert {name for name in gate["env"] if f"${name}" in script} == set(gate["env"])
    text = (tree.ROOT / "action.yml").read_text()
    assert [name for name in action["inputs"] if f"inputs.{name} " not in text] == []


def test_the_pre_commit_hook_runs_a_command_with_what_it_needs() -> None:
    """The hook's entry is a command of the table, and it installs an extra that is there."""
    (hook,) = yaml.safe_load((tree.ROOT / ".pre-commit-hooks.yaml").read_text())
    program, *words = hook["entry"].split()
    assert program == "countersign"
    assert tuple(words) in {command.path for command in COMMANDS}
    extras = tomllib.loads((tree.ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert [needed.removeprefix(".[").removesuffix("]") in extras for needed in hook["additional_dependencies"]] == [
        True
    ]
    assert hook["pass_filenames"] is False
