# SPDX-License-Identifier: Apache-2.0
"""Documents against the tree: what they link to, tell people to type and list has to exist."""

import re
from pathlib import Path

import pytest

from countersign.command import COMMANDS
from tests import tree

DOCUMENTS = tree.documents()
every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=tree.name)
ADR = tree.ROOT / "docs" / "adr"
decisions = pytest.mark.parametrize("decision", sorted(ADR.glob("[0-9]*.md")), ids=tree.name)


def read(name: str) -> str:
    """The text of a document, by its path from the root."""
    return (tree.ROOT / name).read_text(encoding="utf-8")


def anchors(document: Path) -> set[str]:
    """The fragments that links into a document may use: its headings, as GitHub turns them into ids."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def shown_commands(document: Path) -> list[str]:
    """The lines of console blocks, each a command a reader may type; continued lines are joined."""
    blocks = re.findall(r"```console\n(.*?)```", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]


@every_document
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link names a file that exists, and a heading in it where it has a fragment."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        path, _, fragment = target.partition("#")
        if "://" in target:
            continue
        file = (document.parent / path).resolve() if path else document
        if not file.exists() or (fragment and fragment not in anchors(file)):
            broken.append(target)
    assert not broken


@every_document
def test_make_targets_exist(document: Path) -> None:
    """Each `make target` that a document mentions is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):.*## ", read("Makefile"), flags=re.MULTILINE))
    text = document.read_text(encoding="utf-8")
    mentioned = set(re.findall(r"`make ([a-z-]+)", text))
    mentioned |= {match for line in shown_commands(document) for match in re.findall(r"^make ([a-z-]+)", line)}
    assert mentioned <= targets, f"no such target: {sorted(mentioned - targets)}"


@every_document
def test_shown_commands_exist(document: Path) -> None:
    """Each `countersign …` line in a console block starts with a command of the table, and it has its file."""
    for line in shown_commands(document):
        words = line.split("countersign ", 1)[1].split() if re.match(r"\S*countersign ", line) else None
        if words is None or words[0].startswith("-"):
            continue
        command = next((c for c in COMMANDS if tuple(words[: len(c.path)]) == c.path), None)
        assert command is not None, f"no such command: {line}"
        assert (tree.ROOT / "countersign" / "commands" / f"{command.module}.py").is_file(), line


def test_every_command_of_the_table_has_its_file() -> None:
    """`countersign --help` lists what can be run, and nothing else."""
    files = {path.stem for path in (tree.ROOT / "countersign" / "commands").glob("*.py")} - {"__init__"}
    assert {command.module for command in COMMANDS} == files


@pytest.mark.parametrize(("name", "most"), [("README.md", 150), ("ARCHITECTURE.md", 200)])
def test_what_is_read_first_is_short(name: str, most: int) -> None:
    """README has at most 150 lines, ARCHITECTURE at most 200."""
    assert 0 < len(read(name).splitlines()) <= most


@decisions
def test_a_decision_has_its_parts_and_is_listed(decision: Path) -> None:
    """Each ADR has a title with its number, a status, context, decision and consequences, and stands in the list."""
    text = decision.read_text(encoding="utf-8")
    title = text.splitlines()[0].removeprefix("# ")
    assert title.startswith(f"{decision.name[:4]}: ")
    assert re.search(r"^Status: (accepted|superseded by \d{4}), \d{4}-\d{2}-\d{2}$", text, flags=re.MULTILINE)
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert f"- [{title}]({decision.name})" in (ADR / "README.md").read_text(encoding="utf-8")


def test_decisions_are_numbered_without_holes() -> None:
    """ADR numbers run from 0001 on; none is used twice."""
    numbers = [int(path.name[:4]) for path in sorted(ADR.glob("[0-9]*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
