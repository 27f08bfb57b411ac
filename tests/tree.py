# SPDX-License-Identifier: Apache-2.0
"""The files of this checkout, as the tests on style and documents see them; caches and built things left out."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("audit_sidecar", "contracts", "countersign", "infra_pulumi", "policies", "service", "training")


def modules() -> list[Path]:
    """Every Python file of the product, sorted."""
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def python_files() -> list[Path]:
    """Every Python file that is committed: the product, benchmarks, set-up and tests, sorted."""
    folders = ("bench", "scripts", "tests")
    return modules() + sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def documents() -> list[Path]:
    """Every Markdown document a person is meant to read, sorted."""
    folders = [ROOT.glob("*.md"), *((ROOT / folder).rglob("*.md") for folder in ("docs", *PACKAGES))]
    return sorted(path for found in folders for path in found)


def name(path: Path) -> str:
    """The path from the root of the checkout, as a test id and in messages."""
    return path.relative_to(ROOT).as_posix()


def parse(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(module: ast.Module) -> set[str]:
    """The dotted names that a module imports, wherever in it the import stands."""
    names: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names
