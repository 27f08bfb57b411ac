# SPDX-License-Identifier: Apache-2.0
"""Rules of style that no linter knows: how a file opens, how long it may be and what it may be called."""

import ast
import re
from pathlib import Path

import pytest

from tests import tree

LONGEST = 400
MEDIAN = 150
SAYS_NOTHING = {
    "manager",
    "helper",
    "helpers",
    "util",
    "utils",
    "common",
    "base",
    "core",
    "misc",
    "handler",
    "handlers",
}
every_file = pytest.mark.parametrize("path", tree.python_files(), ids=tree.name)
every_module = pytest.mark.parametrize("path", tree.modules(), ids=tree.name)


def words(identifier: str) -> set[str]:
    """The lower-case words of a snake_case or CamelCase name."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)}


def texts(node: ast.AST) -> set[str]:
    """The string constants at or below a node."""
    return {found.value for found in ast.walk(node) if isinstance(found, ast.Constant) and isinstance(found.value, str)}


@every_file
def test_a_file_opens_with_its_licence_and_what_it_is_for(path: Path) -> None:
    """The first line is the SPDX identifier; the module docstring follows."""
    assert path.read_text(encoding="utf-8").startswith("# SPDX-License-Identifier: Apache-2.0\n")
    assert ast.get_docstring(tree.parse(path)), "no module docstring"


@every_file
def test_no_file_is_too_long_to_read_at_one_sitting(path: Path) -> None:
    """No Python file has more than 400 lines."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_half_of_all_modules_are_short() -> None:
    """The median module of the product has at most 150 lines."""
    lengths = sorted(len(path.read_text(encoding="utf-8").splitlines()) for path in tree.modules())
    assert lengths[len(lengths) // 2] <= MEDIAN


@every_file
def test_names_say_something(path: Path) -> None:
    """No module and no class is named manager, helper, util, common, base, core, misc or handler."""
    classes = [node.name for node in ast.walk(tree.parse(path)) if isinstance(node, ast.ClassDef)]
    empty = {identifier for identifier in [path.stem, *classes] if words(identifier) & SAYS_NOTHING}
    assert not empty, f"names that say nothing: {sorted(empty)}"


@every_module
def test_attribute_names_are_written_once(path: Path) -> None:
    """The name of a `countersign.` attribute stands as a literal in contracts/semconv.py and nowhere else."""
    if tree.name(path) == "contracts/semconv.py":
        return
    module_names = {tree.name(other)[: -len(".py")].replace("/", ".") for other in tree.modules()}
    logger_names = {
        argument
        for node in ast.walk(tree.parse(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "getLogger"
        for argument in texts(node)
    }
    literals = {text for text in texts(tree.parse(path)) if re.fullmatch(r"countersign(\.[a-z_]+)+", text)}
    literals -= module_names | logger_names
    assert not literals, f"attribute literals: {sorted(literals)}"


@every_module
def test_annotations_are_real_where_they_are_read_at_run_time(path: Path) -> None:
    """Modules with msgspec Structs or Litestar routes do not postpone the evaluation of annotations."""
    names = tree.imported(tree.parse(path))
    read_at_run_time = any(name.partition(".")[0] in {"msgspec", "litestar"} for name in names)
    assert not ("__future__" in names and read_at_run_time)


def test_there_is_something_to_look_at() -> None:
    """The rules above run over every package: a moved folder would leave one of them empty."""
    assert {tree.name(path).partition("/")[0] for path in tree.modules()} == set(tree.PACKAGES)


@every_module
def test_an_installed_copy_has_every_module(path: Path) -> None:
    """Each folder up to the package is a package: a build leaves out one without an __init__.py, and all in it."""
    folders = [folder for folder in path.parents if folder.is_relative_to(tree.ROOT) and folder != tree.ROOT]
    assert [tree.name(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []
