# SPDX-License-Identifier: Apache-2.0
"""`make` says what it can do, and does the same set-up for everyone."""

import re
import subprocess

from tests import tree

MAKEFILE = (tree.ROOT / "Makefile").read_text(encoding="utf-8")


def make(*arguments: str) -> str:
    """What make prints in the root of the checkout."""
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=tree.ROOT, check=True, capture_output=True, text=True).stdout


def test_help_lists_every_target() -> None:
    """`make` alone prints each target that is no file, with a description."""
    phony = re.findall(r"^\.PHONY: (.+)$", MAKEFILE, flags=re.MULTILINE)[0].split()
    assert [line.split()[1] for line in make().splitlines()] == phony


def test_running_needs_no_development_tools() -> None:
    """`make demo` and `make up` install the lock for running and no other."""
    for target in ("demo", "up"):
        planned = make("--dry-run", target)
        assert re.findall(r"environment\.py (\S+)", planned) == ["demo"]


def test_the_hosted_workflow_runs_what_a_developer_runs() -> None:
    """The workflow runs `make demo` and .ci/run, which runs tools, check and test and asks for every tool."""
    workflow = (tree.ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert re.findall(r"^ +run: (.+)$", workflow, flags=re.MULTILINE) == ["make demo", "bash .ci/run"]
    script = (tree.ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"^step (.+)$", script, flags=re.MULTILINE) == ["make tools", "make check", "make test"]
    assert "export COUNTERSIGN_REQUIRE_TOOLS=1" in script
