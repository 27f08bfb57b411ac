# SPDX-License-Identifier: Apache-2.0
"""The guide of the gate, typed as it stands there, from the first judgement to the refused verdict."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import yaml

from policies.governance.approvers import read_approvers
from policies.governance.waivers import check_waivers, read_waivers
from policies.output.formats import FORMATS
from policies.runner.pack import load_pack
from tests import tree

GUIDE: Final = (tree.ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
CONSOLE: Final = re.findall(r"```console\n(.*?)```", GUIDE, flags=re.DOTALL)
YAML: Final = re.findall(r"```yaml\n(.*?)```", GUIDE, flags=re.DOTALL)
EXIT_CODES: Final = (0, 1, 0, 0, 0, 0, 1)
"""Of each block: at the second nobody has approved yet, at the last a byte was changed."""
DAY: Final = "2026-11-23"
"""A reader judges for today; here it is the day of the committed cards, so that no card's review turns this red."""
DATED: Final = {"check": "--as-of", "attest": "--as-of", "verify-verdict": "--as-of", "approve": "--on"}


def as_typed(block: str) -> str:
    """A block with the program of this checkout, for the fixed day."""
    return re.sub(
        r"^countersign ([a-z-]+)",
        lambda found: f"{sys.executable} -m countersign {found[1]} {DATED[found[1]]} {DAY}",
        block,
        flags=re.MULTILINE,
    )


def test_every_command_of_the_guide_works_as_written(tmp_path: Path) -> None:
    """Each block runs in order and ends as the guide says."""
    (tmp_path / "models").symlink_to(tree.ROOT / "models")
    assert len(CONSOLE) == len(EXIT_CODES)
    said = []
    for number, (block, code) in enumerate(zip(CONSOLE, EXIT_CODES, strict=True)):
        ran = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", as_typed(block)],
            cwd=tmp_path if number == 0 else tmp_path / "tour",
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tree.ROOT), "LC_ALL": "C.UTF-8"},
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert ran.returncode == code, block + ran.stdout + ran.stderr
        said.append(ran.stdout)
    assert "APPR-001" in said[1]
    assert "passed, profile prod" in said[3]
    assert "signed PASSED" in said[4]
    assert "VERIFIED" in said[5]
    assert "refused at step 2, subjects" in said[6]


def test_the_waiver_of_the_guide_is_one() -> None:
    """The example can be read, is granted by the guide's approver, and names a rule that may be waived."""
    waivers = read_waivers(next(block for block in YAML if "waivers:" in block).encode(), "waivers.yaml")
    listed = (tree.ROOT / "governance" / "approvers.yaml").read_text("utf-8")
    approvers = read_approvers(
        listed.replace("demonstration model risk", "model risk officer").encode(), "approvers.yaml"
    )
    check_waivers(waivers, {module.rule.id: module.rule for module in load_pack(()).rules}, approvers)
    assert "- name: model risk officer" in GUIDE


def test_the_guide_lists_every_format() -> None:
    """The table of outputs has the formats that there are, in their order."""
    section = GUIDE[GUIDE.index("## Outputs") : GUIDE.index("## In a hosted workflow")]
    assert re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE) == list(FORMATS)


def test_the_action_has_the_inputs_that_the_guide_uses() -> None:
    """It is four lines, and they name inputs of the action."""
    lines = next(block for block in YAML if "uses:" in block)
    assert len(lines.splitlines()) == 4
    (used,) = yaml.safe_load(lines)
    assert set(used["with"]) <= set(yaml.safe_load((tree.ROOT / "action.yml").read_text("utf-8"))["inputs"])
