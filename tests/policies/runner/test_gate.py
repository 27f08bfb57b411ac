# SPDX-License-Identifier: Apache-2.0
"""A run is complete only if everything that was named was judged; what could not be judged never passes."""

import datetime as dt
import sys
from pathlib import Path
from typing import Any

import pytest

from policies.errors import CannotEvaluate, TargetUnreadable
from policies.place import Place
from policies.report import State
from policies.rules.judgement import Finding, Judgement, not_applicable
from policies.rules.rule import Severity
from policies.runner.gate import run_gate
from tests.policies.runner.rules import BUNDLE, FINDING, OTHER_BUNDLE, fails, pack, passes, request, rule
from tests.tree import ROOT


def raises(target: Any, run: Any) -> Judgement:
    """A rule with a mistake in it."""
    raise KeyError("colour")


def runs_away(target: Any, run: Any) -> Judgement:
    """A rule that never returns."""
    return runs_away(target, run)


class BeyondException(BaseException):
    """What `except Exception` lets through."""


def _raise_beyond_exception(target: Any, run: Any) -> Judgement:
    raise BeyondException


BROKEN = {
    "raises": (raises, "KeyError: 'colour'"),
    "recurses": (runs_away, "RecursionError"),
    "exits with 0": (lambda target, run: sys.exit(0), "SystemExit: 0"),
    "raises what no one catches": (_raise_beyond_exception, "BeyondException"),
    "has findings that are no tuple": (lambda target, run: Judgement(findings=iter([])), "no Finding"),  # type: ignore[arg-type]
    "has a finding without a place": (
        lambda target, run: Judgement(findings=(Finding(place=None, message="m", wanted="w"),)),  # type: ignore[arg-type]
        "with a place",
    ),
    "says what is no text": (lambda target, run: Judgement(note=5), "no text"),  # type: ignore[arg-type]
    "has a basis that is a text": (lambda target, run: Judgement(note="x", basis="verified"), "no Basis"),  # type: ignore[arg-type]
    "has a finding that is none": (lambda target, run: Judgement(findings=("wrong",)), "no Finding"),  # type: ignore[arg-type]
    "answers None": (lambda target, run: None, "NoneType"),
    "answers True": (lambda target, run: True, "bool"),
    "not applicable without a reason": (lambda target, run: not_applicable(" "), "without a reason"),
    "not applicable with findings": (
        lambda target, run: Judgement(findings=(FINDING,), not_applicable="no people"),
        "findings and is not applicable",
    ),
    "passes without a word": (lambda target, run: Judgement(), "without saying"),
}


def test_rules_over_bundles_are_asked_of_each() -> None:
    """Two bundles, one rule: two cases, and the run is complete and passed."""
    report = run_gate(request(BUNDLE, OTHER_BUNDLE), pack(rule(passes)))
    assert [(case.target, case.state) for case in report.cases] == [(BUNDLE, State.PASS), (OTHER_BUNDLE, State.PASS)]
    assert report.complete
    assert report.passed


@pytest.mark.parametrize(("check", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_rule_is_an_error_and_blocks(check: Any, said: str) -> None:
    """Whatever a rule does but judge is an error under every profile, in one line, beside rules that passed."""
    for profile in ("dev", "staging", "prod"):
        report = run_gate(
            request(BUNDLE, profile=profile), pack(rule(passes, "TEAM-002"), rule(check, severity=Severity.LOW))
        )
        case = report.cases[1]
        assert (case.state, case.blocking) == (State.ERROR, True)
        assert said in (case.note or "")
        assert "\n" not in (case.note or "")
        assert not report.complete
        assert not report.passed


def test_a_bundle_named_twice_is_judged_once() -> None:
    """However its folder is spelled."""
    assert len(run_gate(request(BUNDLE, BUNDLE + "/", BUNDLE), pack(rule(passes))).cases) == 1


def test_nothing_named_is_nothing_judged() -> None:
    """A run without any target stops."""
    with pytest.raises(CannotEvaluate, match="nothing to judge"):
        run_gate(request(), pack(rule(passes)))


def test_nothing_that_applied_is_nothing_judged() -> None:
    """A run in which every rule was not applicable is not complete."""
    report = run_gate(request(BUNDLE), pack(rule(lambda target, run: not_applicable("no people in it"))))
    assert not report.complete
    assert not report.passed


def test_a_rule_without_its_target_is_skipped_with_the_reason() -> None:
    """A kind that was not named is no pass and no failure; the report says which rules were not asked."""
    over = rule(passes, "TEAM-002", over="manifests")
    needs = rule(passes, "TEAM-003", needs=("repository",))
    report = run_gate(request(BUNDLE), pack(rule(passes), over, needs))
    assert [(item.rule.id, item.reason) for item in report.skipped] == [
        ("TEAM-002", "no manifests were named (--target manifests=DIR)"),
        ("TEAM-003", "the repository was not named (--target repository)"),
    ]
    assert len(report.cases) == 1


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_bundle_that_cannot_be_read_is_not_judged(tmp_path: Path, name: str) -> None:
    """It is in the report with its place, and the run is not complete though the other bundle passed."""
    (tmp_path / "empty").mkdir()
    report = run_gate(request(BUNDLE, str(tmp_path / name)), pack(rule(passes)))
    (unreadable,) = report.unreadable
    assert str(unreadable.place) == f"{tmp_path / name}/card.yaml:1:1"
    assert [case.target for case in report.cases] == [BUNDLE]
    assert not report.complete


def test_an_unreadable_card_is_the_error_of_the_rule_on_cards(tmp_path: Path) -> None:
    """CARD-001 carries the place and the message, so that every output shows them at the line."""
    (tmp_path / "card.yaml").write_text("schema: countersign.dev/model-card/v1\nmodel_id: a\nmodel_id: b\n")
    report = run_gate(request(str(tmp_path)), pack(rule(passes, "CARD-001")))
    (case,) = report.cases
    assert (case.state, case.blocking) == (State.ERROR, True)
    assert str(case.findings[0].place) == f"{tmp_path}/card.yaml:3:1"
    assert "duplicate key `model_id`" in case.findings[0].message


@pytest.mark.parametrize("kind", ["manifests", "argocd", "infra", "repository"])
def test_a_target_that_is_named_and_missing_is_unreadable(tmp_path: Path, kind: Any) -> None:
    """Whatever its reader says, the run is not complete and the kind is not reported as not named."""
    report = run_gate(
        request(BUNDLE, named={kind: str(tmp_path / "missing")}),
        pack(rule(passes), rule(passes, "TEAM-002", over=kind)),
    )
    assert [item.kind for item in report.unreadable] == [kind]
    assert [item.reason for item in report.skipped] == ["the target could not be read"]
    assert not report.complete


def test_a_reader_that_breaks_off_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception nobody foresaw becomes one line with its type."""

    def broken(name: str) -> None:
        raise ZeroDivisionError("by\nnothing")

    monkeypatch.setattr("policies.targets.argocd.read_argocd", broken)
    report = run_gate(request(BUNDLE, named={"argocd": "here"}), pack(rule(passes)))
    assert [item.message for item in report.unreadable] == ["ZeroDivisionError: by nothing"]


def test_a_target_that_no_rule_was_asked_about_was_not_judged() -> None:
    """It was named, so it has to be judged: a set of rules that has none over it is not enough."""
    report = run_gate(request(BUNDLE, named={"repository": str(ROOT)}), pack(rule(passes)))
    assert [(item.kind, item.name) for item in report.unreadable] == [("repository", str(ROOT))]
    assert "no rule was asked" in report.unreadable[0].message
    assert not report.complete


def test_figures_are_computed_once_for_each_bundle_and_only_if_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rules share one re-computation; without such a rule there is none."""
    asked: list[str] = []

    class Again:
        def __init__(self, bundle: Any) -> None:
            asked.append(bundle.name)
            self.name = bundle.name

    monkeypatch.setattr("policies.recomputation.recompute.recompute", Again)
    run_gate(request(BUNDLE), pack(rule(passes)))
    assert asked == []
    over = [rule(passes, f"TEAM-00{number}", over="recomputation") for number in (2, 3)]
    report = run_gate(request(BUNDLE, OTHER_BUNDLE), pack(*over))
    assert asked == [BUNDLE, OTHER_BUNDLE]
    assert [item.kind for item in report.targets] == ["bundle", "bundle", "recomputation", "recomputation"]


def test_figures_that_cannot_be_computed_are_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """A re-computation that is refused or breaks off leaves the bundle unjudged by its rules."""

    def refused(bundle: Any) -> None:
        raise TargetUnreadable(Place("labels.csv", 7), "no number")

    monkeypatch.setattr("policies.recomputation.recompute.recompute", refused)
    report = run_gate(request(BUNDLE), pack(rule(passes), rule(passes, "TEAM-002", over="recomputation")))
    assert [(item.kind, str(item.place)) for item in report.unreadable] == [("recomputation", "labels.csv:7:1")]
    assert not report.complete


def test_figures_are_left_out_only_when_told_so() -> None:
    """Without re-computation its rules are skipped with that reason."""
    report = run_gate(
        request(BUNDLE, recompute=False, profile="dev"),
        pack(rule(passes), rule(passes, "TEAM-002", over="recomputation")),
    )
    assert [item.reason for item in report.skipped] == ["re-computation was switched off (--no-recomputation)"]
    assert report.passed


@pytest.mark.parametrize(
    ("profile", "severity", "blocks"),
    [
        ("dev", Severity.CRITICAL, True),
        ("dev", Severity.HIGH, False),
        ("staging", Severity.HIGH, True),
        ("staging", Severity.MEDIUM, False),
        ("prod", Severity.MEDIUM, True),
        ("prod", Severity.LOW, False),
    ],
)
def test_the_profile_says_which_severities_block(profile: str, severity: Severity, blocks: bool) -> None:
    """A failure below is reported all the same."""
    report = run_gate(request(BUNDLE, profile=profile), pack(rule(fails, severity=severity)))
    assert report.cases[0].state is State.FAIL
    assert report.cases[0].blocking is blocks
    assert report.passed is not blocks


def test_nobody_approves_what_is_being_made() -> None:
    """In profile dev a missing approval is shown and stops nothing; everywhere else it stops the release."""
    rules = pack(rule(fails, "APPR-001", severity=Severity.CRITICAL))
    assert run_gate(request(BUNDLE, profile="dev"), rules).passed
    assert not run_gate(request(BUNDLE, profile="staging"), rules).passed


def test_a_duty_to_come_blocks_at_tier_high_alone(tmp_path: Path) -> None:
    """Before its date a failure carries the date; from the date on it is a failure like any other."""
    duty = rule(fails, duty="annex-iii-high-risk")
    day = dt.date(2027, 12, 2)
    (before,) = run_gate(request(BUNDLE, as_of=dt.date(2027, 12, 1)), pack(duty)).cases
    assert (before.upcoming, before.blocking) == (day, False)
    (since,) = run_gate(request(BUNDLE, as_of=day), pack(duty)).cases
    assert (since.upcoming, since.blocking) == (None, True)
    high = _copy(tmp_path, "governance_tier: Medium Risk", "governance_tier: High Risk")
    (enforced,) = run_gate(request(high, as_of=dt.date(2027, 12, 1)), pack(duty)).cases
    assert (enforced.upcoming, enforced.blocking) == (day, True)
    unknown = _copy(tmp_path, "governance_tier: Medium Risk", "governance_tier: whatever")
    assert run_gate(request(unknown, as_of=dt.date(2027, 12, 1)), pack(duty)).cases[0].blocking


def test_the_report_names_what_was_judged() -> None:
    """Every file of a bundle is there with its digest, and the rules and the law with theirs."""
    report = run_gate(request(BUNDLE), pack(rule(passes)))
    (covered,) = report.targets
    assert set(covered.digests) >= {"card.yaml", "model.onnx", "evidence/evaluation.csv"}
    assert report.pack_digest == "0" * 64
    assert report.pages == {"TEAM-001": ""}


def _copy(folder: Path, old: str, new: str) -> str:
    """The bundle with another card, in a folder of its own."""
    whole = folder / new.replace(" ", "-")
    for file in Path(BUNDLE).rglob("*"):
        if file.is_file():
            target = whole / file.relative_to(BUNDLE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    card = whole / "card.yaml"
    text = card.read_text("utf-8")
    assert old in text
    card.write_text(text.replace(old, new), "utf-8")
    return str(whole)
