# SPDX-License-Identifier: Apache-2.0
"""Rules of style that no linter knows: how a file opens, how long it may be and what it may be called."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

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


class Read(NamedTuple):
    """What the rules look at in one file, which is parsed for all of them once."""

    licensed: bool
    documented: bool
    lines: int
    classes: tuple[str, ...]
    imported: frozenset[str]
    attributes: frozenset[str]
    """String constants that could be the name of an attribute of ours."""


@cache
def read(path: Path) -> Read:
    """One file, read."""
    text, module = path.read_text(encoding="utf-8"), tree.parse(path)
    logger_names = {
        argument
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "getLogger"
        for argument in texts(node)
    }
    literals = {found for found in texts(module) if re.fullmatch(r"countersign(\.[a-z_]+)+", found)}
    return Read(
        text.startswith("# SPDX-License-Identifier: Apache-2.0\n"),
        bool(ast.get_docstring(module)),
        len(text.splitlines()),
        tuple(node.name for node in ast.walk(module) if isinstance(node, ast.ClassDef)),
        frozenset(tree.imported(module)),
        frozenset(literals - logger_names),
    )


def words(identifier: str) -> set[str]:
    """The lower-case words of a snake_case or CamelCase name."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)}


def texts(node: ast.AST) -> set[str]:
    """The string constants at or below a node."""
    return {found.value for found in ast.walk(node) if isinstance(found, ast.Constant) and isinstance(found.value, str)}


def test_a_file_opens_with_its_licence_and_what_it_is_for() -> None:
    """The first line is the SPDX identifier; the module docstring follows."""
    found = {tree.name(path): read(path) for path in tree.python_files()}
    assert [name for name, file in found.items() if not file.licensed] == []
    assert [name for name, file in found.items() if not file.documented] == []


def test_no_file_is_too_long_to_read_at_one_sitting() -> None:
    """No Python file has more than 400 lines."""
    assert [tree.name(path) for path in tree.python_files() if read(path).lines > LONGEST] == []


def test_half_of_all_modules_are_short() -> None:
    """The median module of the product has at most 150 lines."""
    lengths = sorted(read(path).lines for path in tree.modules())
    assert lengths[len(lengths) // 2] <= MEDIAN


def test_names_say_something() -> None:
    """No module and no class is named manager, helper, util, common, base, core, misc or handler."""
    empty = {
        tree.name(path): identifier
        for path in tree.python_files()
        for identifier in (path.stem, *read(path).classes)
        if words(identifier) & SAYS_NOTHING
    }
    assert empty == {}


def test_attribute_names_are_written_once() -> None:
    """The name of a `countersign.` attribute stands as a literal in contracts/semconv.py and nowhere else."""
    names = {path: tree.name(path) for path in tree.modules()}
    ours = {name.removesuffix(".py").replace("/", ".") for name in names.values()}
    literals = {name: sorted(read(path).attributes - ours) for path, name in names.items()}
    assert literals.pop("contracts/semconv.py")
    assert {name: found for name, found in literals.items() if found} == {}


def test_annotations_are_real_where_they_are_read_at_run_time() -> None:
    """Modules with msgspec Structs or Litestar routes do not postpone the evaluation of annotations."""
    postponed = {path: read(path).imported for path in tree.modules() if "__future__" in read(path).imported}
    read_at_run_time = {"msgspec", "litestar"}
    assert [
        tree.name(path) for path, names in postponed.items()
        if not read_at_run_time.isdisjoint(name.partition(".")[0] for name in names)
    ] == []  # fmt: skip


def test_there_is_something_to_look_at() -> None:
    """The rules above run over every package: a moved folder would leave one of them empty."""
    assert {tree.name(path).partition("/")[0] for path in tree.modules()} == set(tree.PACKAGES)


def test_an_installed_copy_has_every_module() -> None:
    """Each folder up to the package is a package: a build leaves out one without an __init__.py, and all in it."""
    above = {folder for path in tree.modules() for folder in path.parents if folder.is_relative_to(tree.ROOT)}
    assert [tree.name(folder) for folder in above - {tree.ROOT} if not (folder / "__init__.py").is_file()] == []
