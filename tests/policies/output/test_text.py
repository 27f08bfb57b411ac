# SPDX-License-Identifier: Apache-2.0
"""The report for people: what is wrong comes first, with where and how to mend it; last what to do next."""

import re
from pathlib import Path

import msgspec
import pytest

from policies.output.text import render, render_painted
from policies.place import Place
from policies.report import Report
from policies.rules.judgement import Finding, failed, not_applicable, self_reported, verified
from policies.rules.rule import Severity
from policies.runner.gate import run_gate
from tests.policies.runner.rules import BUNDLE, OTHER_BUNDLE, fails, pack, passes, request, rule

ESCAPE = "\x1b]0;owned\x07\x1b[2Jpwned\r\n\u202e"


def report(*rules: object, bundles: tuple[str, ...] = (BUNDLE,), **changes: object) -> Report:
    """A run of these rules."""
    return run_gate(request(*bundles, **changes), pack(*rules))  # type: ignore[arg-type]


def test_a_finding_has_place_values_and_mend() -> None:
    """File, line and column as an editor takes them, what was seen and wanted, and what to do."""
    finding = Finding(place=Place("card.yaml", 3, 5), message="it is wrong", seen="a", wanted="b", mend="- a\n+ b")
    text = render(report(rule(lambda target, run: failed(finding))))
    assert (
        "  ✗ TEAM-001 high: it holds\n"
        "      card.yaml:3:5: it is wrong\n"
        "        seen    a\n"
        "        wanted  b\n"
        "        mend    - a\n"
        "                + b\n"
    ) in text


def test_what_the_rule_says_of_mending_is_said_once() -> None:
    """Two findings without a mend of their own share the rule's."""
    finding = Finding(place=Place("card.yaml", 3, 5), message="it is wrong", wanted="b")
    text = render(report(rule(lambda target, run: failed(finding, finding))))
    assert text.count("mend    Mend it.") == 1


def test_the_worst_comes_first() -> None:
    """Targets by their worst case, cases by severity within a target."""
    only_other = rule(
        lambda target, run: fails(target, run) if target.name == OTHER_BUNDLE else passes(target, run),
        "TEAM-002",
        severity=Severity.CRITICAL,
    )
    text = render(report(rule(fails, severity=Severity.LOW), only_other, bundles=(BUNDLE, OTHER_BUNDLE)))
    assert text.index(OTHER_BUNDLE) < text.index(BUNDLE)
    assert text.index("TEAM-002") < text.index("TEAM-001")


def test_every_line_says_what_it_rests_on() -> None:
    """Verified, self-reported and absent are counted apart; nothing is called compliant."""
    absent = Finding(place=Place("card.yaml"), message="it is missing", wanted="it")
    text = render(
        report(
            rule(lambda target, run: verified("seen")),
            rule(lambda target, run: self_reported("said"), "TEAM-002"),
            rule(lambda target, run: failed(absent), "TEAM-003"),
            rule(lambda target, run: not_applicable("no people"), "TEAM-004"),
        )
    )
    assert "rests on: 1 verified, 1 self-reported, 1 absent" in text
    assert "2 passed: 1 verified, 1 self-reported" in text
    assert "1 not applicable: TEAM-004" in text
    assert "compliant" not in text


def test_what_was_not_judged_is_said() -> None:
    """Kinds that were not named, and the rules that were not asked for it."""
    text = render(report(rule(passes), rule(passes, "TEAM-002", over="argocd")))
    assert "not evaluated, no Argo CD manifests were named (--target argocd=DIR): TEAM-002" in text
    assert "says nothing about: recomputation, manifests, argocd, infra, repository" in text


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([rule(passes)], "next: sign this outcome with 'countersign attest'"),
        ([rule(fails)], "next: mend TEAM-001 first; 'countersign check --explain TEAM-001'"),
        ([rule(lambda target, run: None)], "next: mend what could not be read or judged"),
    ],
)
def test_the_last_line_says_what_to_do(rules: list[object], said: str) -> None:
    """After the outcome, one thing to do next."""
    assert render(report(*rules)).splitlines()[-1].startswith(said)


def test_what_cannot_be_read_stands_at_the_top(tmp_path: Path) -> None:
    """With its place, before everything that was judged."""
    first, second, *_ = render(report(rule(passes), bundles=(BUNDLE, str(tmp_path)))).splitlines()
    assert first == f"✗ bundle {tmp_path} cannot be read"
    assert second.startswith(f"      {tmp_path}/card.yaml:1:1: ")


def test_no_text_of_a_model_paints_the_terminal() -> None:
    """Control characters, line ends and direction marks of a card, a message or a name are written as escapes."""
    finding = Finding(place=Place("c\x1b[31m"), message=ESCAPE, seen=ESCAPE, wanted=ESCAPE, mend=ESCAPE)
    whole = report(rule(lambda target, run: failed(finding)), rule(lambda target, run: 1 / 0, "TEAM-002"))
    noticed = msgspec.structs.replace(whole, notices=(ESCAPE,))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", render(noticed))


def test_colour_changes_no_word() -> None:
    """Without the colours, both forms are the same text."""
    whole = report(rule(fails), rule(passes, "TEAM-002"))
    painted = render_painted(whole)
    assert painted != render(whole)
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == render(whole)
