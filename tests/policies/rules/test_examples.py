# SPDX-License-Identifier: Apache-2.0
"""Every rule's page is true: its examples fail and pass as their section says, and what it cites exists."""

import pytest
import yaml

from policies.rules.loader import load_product
from policies.rules.page import read_page
from policies.rules.rule import RuleModule
from tests.policies.examples import judge, law

RULES = load_product()
every_rule = pytest.mark.parametrize("module", RULES, ids=lambda module: module.rule.id)
FAILS = [(module, text) for module in RULES for text in read_page(module.page).fails]
PASSES = [(module, text) for module in RULES for text in read_page(module.page).passes]


def _named(cases: list[tuple[RuleModule, str]]) -> list[str]:
    return [f"{module.rule.id}-{number}" for number, (module, _) in enumerate(cases)]


@pytest.mark.parametrize(("module", "example"), FAILS, ids=_named(FAILS))
def test_what_the_page_calls_a_failure_fails(module: RuleModule, example: str) -> None:
    """Each example under *Fails* gives findings that a person can act on."""
    judgement = judge(module, example)
    assert judgement.findings
    assert judgement.not_applicable is None
    for finding in judgement.findings:
        assert finding.place.file
        assert finding.wanted
        assert finding.message
        assert not finding.message.endswith(".")


@pytest.mark.parametrize(("module", "example"), PASSES, ids=_named(PASSES))
def test_what_the_page_calls_a_pass_passes(module: RuleModule, example: str) -> None:
    """Each example under *Passes* passes: no finding, and the rule did apply unless the example says otherwise."""
    judgement = judge(module, example)
    assert judgement.findings == ()
    assert bool(judgement.not_applicable) == example.startswith("# not applicable: ")
    assert judgement.note or judgement.not_applicable


@every_rule
def test_what_a_rule_cites_is_in_the_law_pack(module: RuleModule) -> None:
    """Every control is a point of the pack, and a duty is a duty of it."""
    for control in module.rule.controls:
        assert law().point(control).title
    if module.rule.duty is not None:
        assert law().duty(module.rule.duty).title


def _removes(patch: object) -> bool:
    return patch is None or (isinstance(patch, dict) and any(_removes(member) for member in patch.values()))


@pytest.mark.parametrize(
    "module", [m for m in RULES if m.rule.over in ("bundle", "recomputation")], ids=lambda m: m.rule.id
)
def test_a_rule_catches_what_is_there_and_false(module: RuleModule) -> None:
    """Among the failures on the page is one in which nothing was removed: a rule that asks for presence is none."""
    assert any(not _removes(yaml.safe_load(example)) for example in read_page(module.page).fails)


@every_rule
def test_the_page_says_what_the_rule_says(module: RuleModule) -> None:
    """The page opens with the rule's id."""
    assert read_page(module.page).id == module.rule.id


def test_there_are_rules() -> None:
    """The tests above had something to look at."""
    assert RULES
