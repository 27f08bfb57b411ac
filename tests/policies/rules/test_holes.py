# SPDX-License-Identifier: Apache-2.0
"""No hole in a card breaks a rule: with any key gone, or any value emptied, every rule still judges.

A rule that breaks off blocks, but tells nobody what to mend. Which holes are findings is for each rule's own tests.
"""

import copy
from collections.abc import Iterator
from typing import Any

import msgspec

from contracts.model_card import ModelCard
from contracts.yaml_document import Path
from policies.report import State
from policies.rules.loader import load_product
from policies.runner.judging import judge
from policies.targets.bundle import BundleTarget
from tests.policies.examples import released, run

RULES = [module for module in load_product() if module.rule.over == "bundle" and not module.rule.needs]
GONE = object()
REPLACEMENTS: dict[type, tuple[Any, ...]] = {
    str: ("n/a", "2000-01-01"),
    list: ([],),
    dict: ({},),
    bool: (True, False),
    int: (0,),
    float: (-1.0,),
}


def paths(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every place in a card, and what stands there; of a list the first two members."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for key, member in value.items():
            yield from paths(member, (*path, key))
    elif isinstance(value, list):
        for index, member in enumerate(value[:2]):
            yield from paths(member, (*path, index))


def changed(whole: Any, path: Path, replacement: Any) -> Any:
    """The card with one place changed."""
    result = copy.deepcopy(whole)
    inner = result
    for step in path[:-1]:
        inner = inner[step]
    if replacement is GONE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = replacement
    return result


def cards(target: BundleTarget) -> Iterator[tuple[Path, Any, ModelCard]]:
    """Every card with one hole that can still be read."""
    for path, value in paths(target.document.value):
        for replacement in (GONE, *REPLACEMENTS[type(value)]):
            try:
                yield path, replacement, msgspec.convert(changed(target.document.value, path, replacement), ModelCard)
            except msgspec.ValidationError:
                continue


def named(card: ModelCard) -> set[str]:
    """Every file that a card names."""
    explained = [] if card.explanation is None else [card.explanation.file]
    return {card.artifact.file, *explained, *(item.file for item in card.evidence or ())}


def test_no_hole_in_a_card_breaks_a_rule() -> None:
    """For each of a thousand cards, every rule over bundles passes, fails or does not apply; none is an error."""
    whole = released("telco-watson")
    seen = 0
    for path, replacement, card in cards(whole):
        if not named(card) <= set(whole.files):
            continue  # the bundle could not be read
        seen += 1
        target = msgspec.structs.replace(whole, card=card)
        evaluation = run(target)
        for module in RULES:
            case = judge(module, target, target.name, evaluation)
            assert case.state is not State.ERROR, f"{module.rule.id} with {path} = {replacement}: {case.note}"
            assert all(finding.wanted and finding.message for finding in case.findings)
    assert seen > 900
