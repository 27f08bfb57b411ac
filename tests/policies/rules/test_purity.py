# SPDX-License-Identifier: Apache-2.0
"""A rule judges what it is given: it opens no file, asks no clock and no network, and knows nothing of who reads it."""

import ast
from pathlib import Path

import pytest

from policies.rules import registry
from policies.rules.loader import load_product
from tests import tree

FILES = sorted(Path(registry.__file__).parent.rglob("*.py"))
every_file = pytest.mark.parametrize("file", FILES, ids=tree.name)

REACHES_OUT = {
    "asyncio", "cryptography", "glob", "http", "httpx", "io", "numpy", "onnxruntime", "os", "random", "secrets",
    "shutil", "socket", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid", "yaml",
}  # fmt: skip
LAYERS_ABOVE = ("policies.runner", "policies.output", "policies.verdict", "countersign")
CALLS = {"open", "exec", "eval", "print", "input", "today", "now", "utcnow", "read_bytes", "read_text", "getenv"}
LOADS_FILES = {"loader.py"}
"""The loader imports a team's files; it is no rule."""


@every_file
def test_a_rule_imports_nothing_that_reaches_out(file: Path) -> None:
    """Neither the machine nor the layers above: what a rule says depends on its arguments alone."""
    names = tree.imported(tree.parse(file))
    assert not {name for name in names if name.partition(".")[0] in REACHES_OUT}
    assert not {name for name in names if name.startswith(LAYERS_ABOVE)}


@every_file
def test_a_rule_asks_no_clock_and_opens_no_file(file: Path) -> None:
    """The date of the run is `run.as_of`, the bytes of a file are in the target."""
    if file.name in LOADS_FILES:
        return
    called = {
        node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for node in ast.walk(tree.parse(file))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    }
    assert not called & CALLS


def test_no_page_promises_what_no_gate_can() -> None:
    """No rule says that something is compliant, certified or guaranteed to be lawful."""
    for module in load_product():
        told = f"{module.rule.title} {module.rule.remediation} {module.page}".casefold()
        assert "compliant" not in told, module.rule.id
        assert "guarantee" not in told, module.rule.id
