# SPDX-License-Identifier: Apache-2.0
"""Tables in documents against what the code and the project file say."""

import importlib.metadata
import re
import tomllib

import pytest

from contracts.semconv import RECORD_KINDS
from tests import tree


def table(name: str, heading: str = "") -> list[list[str]]:
    """The cells of the first table of a document, or of the first below a heading; header and rule left out."""
    text = (tree.ROOT / name).read_text(encoding="utf-8")
    if heading:
        text = text[text.index(f"\n## {heading}\n") :]
    lines = re.search(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE)
    assert lines, f"no table in {name} {heading}"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines.group().splitlines()[2:]]


def test_every_kind_of_record_is_explained() -> None:
    """The glossary explains each kind, in the order of the code, and no kind that does not exist."""
    assert [row[0].strip("`") for row in table("docs/glossary.md", "Kinds of record")] == list(RECORD_KINDS)


def test_the_glossary_is_in_order() -> None:
    """A word is found by its place in the alphabet, and is explained once."""
    words = [row[0] for row in table("docs/glossary.md")]
    assert words == sorted(set(words))


def extras() -> dict[str, set[str]]:
    """Each package that an extra asks for by name, with those extras."""
    project = tomllib.loads((tree.ROOT / "pyproject.toml").read_text())["project"]
    wanted: dict[str, set[str]] = {}
    for extra, lines in project["optional-dependencies"].items():
        for line in lines:
            package = re.split(r"[<>=\[]", line)[0]
            if package != "countersign":
                wanted.setdefault(package, set()).add(extra)
    return wanted


def test_every_dependency_has_its_reason() -> None:
    """docs/dependencies.md lists the packages of pyproject.toml, each with its extras, a licence and a reason."""
    rows = table("docs/dependencies.md")
    assert {row[0]: set(row[2].split(", ")) for row in rows} == extras()
    assert all(row[1] and row[3] for row in rows)
    assert [row[0].lower() for row in rows] == sorted(row[0].lower() for row in rows)


@pytest.mark.parametrize("package", sorted(extras()))
def test_no_dependency_is_copyleft(package: str) -> None:
    """What we depend on is under no GPL, AGPL or LGPL, by its own declaration; psycopg is a library, in an extra."""
    metadata = importlib.metadata.metadata(package)
    declared = [*metadata.get_all("License-Expression", []), *metadata.get_all("Classifier", [])]
    if package == "psycopg":
        assert declared[0] == "LGPL-3.0-only"
        return
    assert not [line for line in declared if re.search(r"\b[AL]?GPL|General Public License", line)]


def test_promises_name_the_tests_that_prove_them() -> None:
    """Each promise is `not there yet` or names tests that exist; each promise test is named by its promise."""
    path = tree.ROOT / "tests" / "end_to_end" / "test_promises.py"
    proved = set(re.findall(r"def (test_p\d+_\w+)", path.read_text())) if path.exists() else set()
    named: set[str] = set()
    rows = table("ARCHITECTURE.md", "Promises")
    assert [row[0].split()[0] for row in rows] == [f"P{number}" for number in range(1, 11)]
    for row in rows:
        tests = set(re.findall(r"`(test_\w+)`", row[2]))
        assert tests or row[2].startswith("not there yet"), row[0]
        assert all(test.startswith(f"test_{row[0].split()[0].lower()}_") for test in tests), row[0]
        named |= tests
    assert named == proved
