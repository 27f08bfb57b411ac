# SPDX-License-Identifier: Apache-2.0
"""The hosted workflow may read, and runs only code that cannot change under it."""

import re
from pathlib import Path

import pytest
import yaml

from tests import tree

every_workflow = pytest.mark.parametrize(
    "workflow", sorted((tree.ROOT / ".github" / "workflows").glob("*.y*ml")), ids=tree.name
)


@every_workflow
def test_actions_are_pinned_by_commit(workflow: Path) -> None:
    """Each action is named by a full commit hash, with the release it stands for beside it."""
    uses = re.findall(r"uses: (.+)", workflow.read_text())
    assert uses
    assert [line for line in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


@every_workflow
def test_a_workflow_may_only_read(workflow: Path) -> None:
    """The token of a run has read access to the contents and nothing else."""
    assert yaml.safe_load(workflow.read_text())["permissions"] == {"contents": "read"}


def test_pre_commit_fetches_nothing() -> None:
    """Every pre-commit hook is local: it runs the locked tools."""
    repositories = yaml.safe_load((tree.ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [entry["repo"] for entry in repositories] == ["local"]
