# SPDX-License-Identifier: Apache-2.0
"""The worked example of docs/rules.md does what the page says, with the files as they stand on the page."""

import re
from pathlib import Path

import pytest

from policies.rules.loader import load_folder
from policies.rules.page import read_page
from tests.policies.desk import CHURN, Desk, lay_out
from tests.policies.examples import judge
from tests.tree import ROOT

PAGE = (ROOT / "docs" / "rules.md").read_text("utf-8")


def block(language: str, opening: str) -> str:
    """The fenced block of a language that begins with a text; an inner fence does not end a Python block."""
    end = r'"""\n\nfrom.*?' if language == "python" else r".*?"
    found = re.search(rf"^```{language}\n({re.escape(opening)}.*?{end})^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/rules.md has no block of {language} that begins with {opening!r}"
    return found[1]


def unnumbered(text: str) -> str:
    """A text without the numbers of lines, which move with every line that a card gets."""
    return re.sub(r":\d+:\d+:", ":LINE:", text)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A team's repository: one bundle, the rule of the page, its law and the settings."""
    desk = lay_out(tmp_path, CHURN)
    (tmp_path / "rules" / "law").mkdir(parents=True)
    (tmp_path / "rules" / "feature_units.py").write_text(block("python", '"""TEAM-001'), "utf-8")
    (tmp_path / "rules" / "law" / "model-risk-policy.toml").write_text(block("toml", "key = "), "utf-8")
    (tmp_path / "countersign.toml").write_text(block("toml", "[check]"), "utf-8")
    return desk


def test_the_rule_of_the_page_finds_what_the_page_shows(desk: Desk) -> None:
    """The command on the page exits with 1 and prints those lines."""
    desk.edit(f"{CHURN}/card.yaml", "    unit: months\n", "    unit: n/a\n")
    desk.approve()
    shown = block("console", "$ countersign check").splitlines()
    words = shown[0].removeprefix("$ countersign ").split()
    ran = desk.run(*words, "--as-of", "2026-11-23")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert unnumbered("\n".join(line for line in shown[1:] if line != "…")) in unnumbered(ran.stdout)


def test_the_reference_card_keeps_the_rule_of_the_page(desk: Desk) -> None:
    """Nothing of the team's own stops it; the report counts the rule."""
    judged = desk.check("--config", "countersign.toml", profile="dev")
    assert judged.code == 0, judged.out + judged.err
    (case,) = [case for case in judged.report["cases"] if case["rule"] == "TEAM-001"]
    assert (case["state"], case["note"]) == ("pass", "4 numbers, each with its unit")


def test_the_examples_on_the_page_of_the_rule_are_true(desk: Desk) -> None:
    """A team's own page is held to its examples in the same way."""
    (module,) = load_folder(desk.root / "rules")
    page = read_page(module.page)
    assert judge(module, page.passes[0]).findings == ()
    assert "features" in page.fails[0]
