# SPDX-License-Identifier: Apache-2.0
"""Ask one rule about one target. A rule that raises, or that answers with anything but a sound judgement, is an error.

An error blocks under every profile, so that a broken rule is never a rule that passed.
"""

from typing import Any

from policies.classification import Tier, strictest_tier
from policies.place import Place
from policies.report import Case, State
from policies.rules.judgement import Basis, Finding, Judgement
from policies.rules.rule import Rule, RuleModule
from policies.run import Run
from policies.runner.reading import one_line


def judge(module: RuleModule, target: Any, name: str, run: Run) -> Case:
    """The case of one rule on one target."""
    try:
        judgement = module.check(target, run)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a rule that exits with 0 must not end the run with it
        return _error(module.rule, name, f"the rule broke off: {one_line(error)}")
    problem = _problem(judgement)
    if problem is not None:
        return _error(module.rule, name, problem)
    if judgement.not_applicable is not None:
        return _case(module.rule, name, State.NOT_APPLICABLE, judgement)
    if not judgement.findings:
        return _case(module.rule, name, State.PASS, judgement)
    return _failure(module.rule, name, judgement, run, target)


def _failure(rule: Rule, name: str, judgement: Judgement, run: Run, target: Any) -> Case:
    upcoming = None
    if rule.duty is not None:
        applies_from = run.law.duty(rule.duty).applies_from
        upcoming = applies_from if applies_from > run.as_of else None
    stops = rule.severity in run.profile.blocking and rule.id not in run.profile.reported_only
    return Case(
        rule=rule,
        target=name,
        state=State.FAIL,
        basis=judgement.basis,
        blocking=stops and (upcoming is None or _tier_is_high(target, run)),
        findings=judgement.findings,
        upcoming=upcoming,
    )


def _tier_is_high(target: Any, run: Run) -> bool:
    """Whether a duty is enforced before its date: at tier high, of the target's card or of any card of the run."""
    card = getattr(target, "card", None)
    cards = [card] if card is not None else [bundle.card for bundle in run.bundles]
    return any(strictest_tier(each) is Tier.HIGH for each in cards)


def _problem(judgement: Any) -> str | None:
    if not isinstance(judgement, Judgement):
        return f"the rule answered with {type(judgement).__name__}, not with a Judgement"
    findings: Any = judgement.findings
    if not isinstance(findings, tuple) or not all(_is_finding(item) for item in findings):
        return "the rule has a finding that is no Finding with a place and texts"
    basis: Any = judgement.basis
    if not isinstance(basis, Basis) or not _is_text(judgement.note, judgement.not_applicable):
        return "the rule's basis is no Basis, or what it says is no text"
    if judgement.not_applicable is not None and not judgement.not_applicable.strip():
        return "the rule is not applicable without a reason"
    if judgement.not_applicable is not None and judgement.findings:
        return "the rule has findings and is not applicable"
    if judgement.not_applicable is None and not judgement.findings and not (judgement.note or "").strip():
        return "the rule passed without saying what was established"
    return None


def _is_finding(item: Any) -> bool:
    parts = [item.place, item.message, item.wanted] if isinstance(item, Finding) else [None]
    return isinstance(parts[0], Place) and None not in parts and _is_text(*parts[1:], item.seen, item.mend)


def _is_text(*values: Any) -> bool:
    return all(value is None or isinstance(value, str) for value in values)


def _case(rule: Rule, name: str, state: State, judgement: Judgement) -> Case:
    note = judgement.not_applicable if state is State.NOT_APPLICABLE else judgement.note
    return Case(rule=rule, target=name, state=state, basis=judgement.basis, blocking=False, note=note)


def _error(rule: Rule, name: str, note: str) -> Case:
    return Case(rule=rule, target=name, state=State.ERROR, basis=Basis.ABSENT, blocking=True, note=note)
