# SPDX-License-Identifier: Apache-2.0
"""The hosted workflow may read, and runs only code that cannot change under it."""

import re
from pathlib import Path

import pytest
import yaml

from tests import tree

WORKFLOWS = sorted((tree.ROOT / ".github" / "workflows").glob("*.y*ml"))
every_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=tree.name)


@pytest.mark.parametrize("workflow", [*WORKFLOWS, tree.ROOT / "action.yml"], ids=tree.name)
def test_actions_are_pinned_by_commit(workflow: Path) -> None:
    """Each action is named by a full commit hash, with the release it stands for beside it, or is our own."""
    uses = re.findall(r"uses: (.+)", workflow.read_text())
    assert uses
    assert [line for line in uses if not re.fullmatch(r"\./|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


@every_workflow
def test_a_workflow_may_only_read(workflow: Path) -> None:
    """The token of a run has read access to the contents; a job may report findings, and nothing else."""
    described = yaml.safe_load(workflow.read_text())
    assert described["permissions"] == {"contents": "read"}
    more = [job.get("permissions", {}).items() for job in described["jobs"].values()]
    allowed = {("contents", "read"), ("security-events", "write")}
    assert {permission for job in more for permission in job} <= allowed


def test_the_job_to_require_runs_always_and_waits_for_all_others() -> None:
    """A job that is skipped counts as passed, so the last one is never skipped and asks for success by name."""
    jobs = yaml.safe_load((tree.ROOT / ".github" / "workflows" / "gate.yml").read_text())["jobs"]
    gate = jobs["gate"]
    assert gate["if"] == "${{ always() }}"
    assert set(gate["needs"]) == set(jobs) - {"gate"}
    assert '[ "$result" = success ]' in gate["steps"][-1]["run"]


def test_no_input_of_the_action_is_part_of_a_script() -> None:
    """What a caller or a pull request says reaches a script as a variable, never as its text."""
    steps = yaml.safe_load((tree.ROOT / "action.yml").read_text())["runs"]["steps"]
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []


def test_pre_commit_fetches_nothing() -> None:
    """Every pre-commit hook is local: it runs the locked tools."""
    repositories = yaml.safe_load((tree.ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [entry["repo"] for entry in repositories] == ["local"]
