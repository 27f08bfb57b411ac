# SPDX-License-Identifier: Apache-2.0
"""Who approved what and when: removed, malformed, and well-formed but false."""

import datetime as dt
from typing import Any

import msgspec
import pytest

from policies.governance.governance import Governance, RefusedApproval, SignedApproval
from policies.place import Place
from policies.rules.approval import (
    approval_date,
    binding,
    four_eyes,
    next_review,
    two_approvers,
    validation_report,
)
from policies.rules.judgement import Basis, Judgement
from policies.targets.bundle import BundleTarget
from tests.policies.examples import AS_OF, approval, approved, approver, bundle, governance, repository, run

RISK = approver()
VALIDATION = approver("validation", "independent validation")
REPORT = "evidence/validation-report.md"


def commit(author: str, committer: str = "noreply@example.org") -> dict[str, Any]:
    """A commit of the card."""
    return {"sha": "2" * 40, "author": author, "committer": committer, "time": "2026-11-20T10:00:00Z"}


def messages(judgement: Judgement) -> str:
    """What was found, in one text."""
    return " | ".join(finding.message for finding in judgement.findings)


def by(target: BundleTarget, *approvals: SignedApproval) -> Governance:
    """A folder with these approvals."""
    return governance(tuple(item.approver for item in approvals), approvals)


def test_four_eyes_pass_and_say_whether_git_was_looked_at() -> None:
    """The note names the people, and says when nobody looked at the commits."""
    target = bundle()
    judgement = four_eyes.check(target, run(target))
    assert judgement.note == "approved by model risk, validation; Git was not looked at, no owner on the card"
    history = {"models/telco-watson/1.0.0/card.yaml": [commit("trainer@example.org")]}
    seen = four_eyes.check(target, run(target, repository=repository({"history": history})))
    assert seen.note == "approved by model risk, validation; no commit of theirs, no owner on the card"


@pytest.mark.parametrize(
    "people", [("model.risk@example.org", "noreply@example.org"), ("a@b.c", "model.risk@example.org")]
)
def test_neither_author_nor_committer_approves(people: tuple[str, str]) -> None:
    """A commit of any file of the bundle by the approver, in either role, is a finding at that file."""
    target = bundle()
    history = {
        "models/telco-watson/1.0.0/evidence/labels.csv": [commit(*people)],
        "models/telco-watson/1.0.0/card.yaml": [commit("trainer@example.org")],
    }
    judgement = four_eyes.check(target, run(target, repository=repository({"history": history})))
    assert messages(judgement) == "'model risk' approves what they committed"
    assert judgement.findings[0].place.file == "models/telco-watson/1.0.0/evidence/labels.csv"


def test_what_is_not_committed_was_made_by_nobody_known() -> None:
    """With the repository named, a bundle without a commit is a finding, and so is an approver without identities."""
    target = bundle()
    empty = four_eyes.check(target, run(target, repository=repository({"history": {"README.md": [commit("a@b.c")]}})))
    assert "no commit of this bundle" in messages(empty)
    nameless = by(target, approval(target, approver(identities=())))
    history = {"models/telco-watson/1.0.0/card.yaml": [commit("a@b.c")]}
    judgement = four_eyes.check(target, run(target, governance=nameless, repository=repository({"history": history})))
    assert "has no identities" in messages(judgement)


def test_a_commit_of_another_bundle_is_none_of_this_one() -> None:
    """The approver may have made another model, or another version."""
    target = bundle()
    history = {
        "models/telco-watson/1.0.0/card.yaml": [commit("a@b.c")],
        "models/telco-watson/0.9.0/card.yaml": [commit("model.risk@example.org")],
        "models/telecom-churn/1.0.0/card.yaml": [commit("model.risk@example.org")],
    }
    assert not four_eyes.check(target, run(target, repository=repository({"history": history}))).findings


@pytest.mark.parametrize(
    "owner",
    [{"holder": "Model Risk"}, {"holder": "model  risk."}, {"holder": "x", "contact": "Model.Risk@example.org"}],
)
def test_an_owner_on_the_card_does_not_approve(owner: dict[str, str]) -> None:
    """By name or by contact, in any spelling, at the line of the owner."""
    target = bundle({"owners": [{"duty": "answers for the model", **owner}]})
    judgement = four_eyes.check(target, run(target))
    assert messages(judgement) == "'model risk' approves what they own"
    assert judgement.findings[0].place == target.at("owners", 0, "holder")


def test_an_approval_that_was_refused_is_shown() -> None:
    """A file in the version's folder whose signature did not hold is a finding beside approvals that count."""
    target = bundle()
    file = Place("governance/approvals/telco-watson/1.0.0/eve.dsse.json")
    stray = Place("governance/approvals/another/1.0.0/eve.dsse.json")
    whole = approved(target)
    refused = tuple(RefusedApproval(place=place, reason="is signed by nobody") for place in (file, stray))
    judgement = four_eyes.check(
        target,
        run(target, governance=Governance(approvals=whole.approvals, refused=refused, place=whole.place)),
    )
    assert [finding.place for finding in judgement.findings] == [file]


@pytest.mark.parametrize(("profile", "listed", "accepted"), [
    ("prod", False, False), ("prod", True, True), ("staging", False, True), ("dev", False, True),
])  # fmt: skip
def test_a_demonstration_key_counts_for_listed_cards(profile: str, listed: bool, accepted: bool) -> None:
    """Profile prod takes it for the digests beside it alone; the others take it and the run says so."""
    target = bundle()
    key = approver(demonstration=True, cards=(target.card_digest,) if listed else ("0" * 64,))
    whole = by(target, approval(target, key))
    judgement = four_eyes.check(target, run(target, governance=whole, profile=profile))
    assert bool(judgement.findings) is not accepted
    if not accepted:
        assert "demonstration key" in messages(judgement)


def test_an_approval_of_another_version_is_none() -> None:
    """Neither of another version, nor one decided after the day of the run."""
    target = bundle()
    other = approval(target, RISK, model="telco-watson@0.9.0")
    late = approval(target, RISK, decided=AS_OF + dt.timedelta(days=1))
    for only in (other, late):
        assert "nobody whose approval counts" in messages(
            four_eyes.check(target, run(target, governance=by(target, only)))
        )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"card.yaml": "0" * 64}, "card.yaml is not what 'model risk' approved"),
        ({"model.onnx": "0" * 64}, "model.onnx is not"),
        ({"evidence/labels.csv": "0" * 64}, "evidence/labels.csv is not"),
        ({"evidence/labels.csv": None}, "evidence/labels.csv is not"),
        ({"evidence/more.csv": "0" * 64}, "evidence/more.csv is not"),
    ],
)
def test_an_approval_binds_every_file(change: dict[str, str | None], said: str) -> None:
    """Another digest, a file that was not looked at, and one that is not there: the approval is void."""
    target = bundle()
    whole = approval(target, RISK)
    subjects = {file: digest for file, digest in {**whole.subjects, **change}.items() if digest is not None}
    void = run(target, governance=by(target, approval(target, RISK, subjects=subjects)))
    judgement = binding.check(target, void)
    assert said in messages(judgement)
    assert len(judgement.findings) == 1
    assert "nobody whose approval counts" in messages(four_eyes.check(target, void))


def test_one_approval_that_binds_is_enough() -> None:
    """A void approval beside a holding one takes nothing from it; it is not named among those who approved."""
    target = bundle()
    void = approval(target, VALIDATION, subjects={"card.yaml": "0" * 64})
    judgement = binding.check(target, run(target, governance=by(target, approval(target, RISK), void)))
    assert judgement.note is not None
    assert judgement.note.endswith("as approved by model risk")


def test_no_approval_is_absent() -> None:
    """Nothing there at all is reported as absent, not as a difference."""
    target = bundle()
    assert binding.check(target, run(target, governance=governance())).basis is Basis.ABSENT


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ((RISK,), "only 'model risk' has approved"),
        ((VALIDATION,), "only 'validation' has approved"),
        ((RISK, approver("second risk")), "nobody from independent validation"),
        ((), "nobody whose approval counts"),
    ],
)
def test_tier_high_takes_two_one_of_them_independent(people: tuple[Any, ...], said: str) -> None:
    """One person, two without independence, or nobody: findings at tier high."""
    target = bundle({"governance_tier": "High Risk"})
    folder = by(target, *(approval(target, person) for person in people))
    assert said in messages(two_approvers.check(target, run(target, governance=folder)))


def test_one_person_with_two_files_is_one_person() -> None:
    """The same approver twice does not make two pairs of eyes."""
    target = bundle({"governance_tier": "High Risk"})
    folder = by(target, approval(target, VALIDATION), approval(target, VALIDATION, place=Place("again.dsse.json")))
    assert "only 'validation'" in messages(two_approvers.check(target, run(target, governance=folder)))


@pytest.mark.parametrize(("tier", "applies"), [("Medium Risk", False), ("Low Risk", False), (None, True), ("?", True)])
def test_a_tier_that_cannot_be_read_is_high(tier: str | None, applies: bool) -> None:
    """Below tier high the rule asks nothing; without a tier it asks everything."""
    target = bundle({"governance_tier": tier})
    judgement = two_approvers.check(target, run(target))
    assert (judgement.not_applicable is None) is applies


@pytest.mark.parametrize(
    ("patch", "decided", "said"),
    [
        ({"training_date": "2026-11-24"}, AS_OF, "before training_date"),
        ({"evaluation": {"date": "2026-11-24"}}, AS_OF, "before evaluation date"),
        ({}, AS_OF + dt.timedelta(days=1), "in the future"),
        ({"training_date": "2025-01-01", "evaluation": {"date": "2025-01-01"}}, dt.date(2025, 11, 22), "too long ago"),
        ({"evaluation": None}, AS_OF, "evaluation is missing"),
    ],
)
def test_an_approval_is_neither_early_nor_late(patch: dict[str, Any], decided: dt.date, said: str) -> None:
    """Before there was something to approve, after the day of the run, and longer ago than the tier allows."""
    target = bundle(patch)
    folder = by(target, approval(target, RISK, decided=decided))
    assert said in messages(approval_date.check(target, run(target, governance=folder)))


def test_the_oldest_approval_that_holds() -> None:
    """At tier medium a year to the day."""
    target = bundle({"training_date": "2025-01-01", "evaluation": {"date": "2025-01-01"}})
    folder = by(target, approval(target, RISK, decided=dt.date(2025, 11, 23)))
    assert not approval_date.check(target, run(target, governance=folder)).findings


def test_at_tier_high_both_approvals_are_timely() -> None:
    """One timely and one stale approval are one approval."""
    target = bundle(
        {"governance_tier": "High Risk", "training_date": "2025-01-01", "evaluation": {"date": "2025-01-01"}}
    )
    folder = by(target, approval(target, RISK), approval(target, VALIDATION, decided=dt.date(2026, 1, 1)))
    assert "'validation' approved too long ago" in messages(approval_date.check(target, run(target, governance=folder)))


@pytest.mark.parametrize(
    ("tier", "review", "holds"),
    [
        ("High Risk", "2027-05-22", True),
        ("High Risk", "2027-05-23", False),
        ("Medium Risk", "2027-11-23", True),
        ("Medium Risk", "2027-11-24", False),
        ("Low Risk", "2028-11-22", True),
        ("Low Risk", "2028-11-23", False),
        ("Whatever", "2027-05-23", False),
    ],
)
def test_the_longest_interval_between_reviews(tier: str, review: str, holds: bool) -> None:
    """180, 365 and 730 days, to the day; a tier that cannot be read is high."""
    target = bundle({"governance_tier": tier, "next_review": review})
    assert bool(next_review.check(target, run(target)).findings) is not holds


@pytest.mark.parametrize(
    ("tier", "holding"),
    [("Low Risk", 3), ("Medium Risk", 2), ("High Risk", 1), ("Whatever", 1)],
)
def test_what_follows_a_review_that_is_missed(tier: str, holding: int) -> None:
    """No milder than the tier asks for; saying nothing is to do as it asks."""
    dates = {"governance_tier": tier, "next_review": "2027-05-21"}
    found = [bundle({**dates, "review_overdue": action}) for action in (None, "unready", "warn", "alert")]
    held = [not next_review.check(target, run(target)).findings for target in found]
    assert held == [True] + [True] * holding + [False] * (3 - holding)


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({"next_review": "2026-11-23"}, "today"),
        ({"last_review": "2026-11-22"}, "before the training"),
        ({"next_review": "2026-11-22"}, "yesterday"),
        ({"next_review": "2026-11-20"}, "3 days ago"),
        ({"next_review": None}, "next_review is missing"),
        ({"last_review": None}, "last_review is missing"),
        ({"last_review": "2026-11-24"}, "has not taken place"),
    ],
)
def test_reviews_that_are_due_or_made_up(patch: dict[str, Any], said: str) -> None:
    """Due, past, missing, or a last review that lies ahead."""
    target = bundle(patch)
    assert said in messages(next_review.check(target, run(target)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"report": "https://example.org/report"}, "no evidence file"),
        ({"report": "evidence/labels.csv", "date": "2026-11-22"}, "before the evaluation"),
        ({"date": "2026-11-24"}, "in the future"),
        ({"date": None}, "has no date"),
        ({"validator": "TBD"}, "nobody is named"),
        ({"validator": None}, "nobody is named"),
        ({"validator": "Maintainers of the Countersign repository", "independent": True}, "owns the model"),
    ],
)
def test_a_report_that_is_elsewhere_undated_or_nobodys(change: dict[str, Any], said: str) -> None:
    """Each way in which the record of the validation is false, at its line."""
    target = bundle({"evaluation": {"validation": change}})
    judgement = validation_report.check(target, run(target))
    assert said in messages(judgement)
    assert judgement.findings[0].place.line > 1


def test_a_report_with_next_to_nothing_in_it() -> None:
    """An empty file is no report."""
    whole = bundle()
    target = msgspec.structs.replace(whole, files={**whole.files, REPORT: b"# Validation\n\nOK.\n"})
    assert "next to nothing" in messages(validation_report.check(target, run(target)))


def test_a_report_that_nobody_signed() -> None:
    """Without an approval that binds it, and at tier high without one by independent validation."""
    target = bundle()
    assert "nobody has signed" in messages(validation_report.check(target, run(target, governance=governance())))
    high = bundle({"governance_tier": "High Risk", "evaluation": {"validation": {"independent": True}}})
    alone = by(high, approval(high, RISK))
    assert "nobody has signed" in messages(validation_report.check(high, run(high, governance=alone)))
    assert not validation_report.check(high, run(high)).findings


def test_tier_high_asks_for_independence() -> None:
    """A validation that is not independent, or does not say, is a finding there."""
    for independent in (False, None):
        target = bundle({"governance_tier": "High Risk", "evaluation": {"validation": {"independent": independent}}})
        assert "not independent" in messages(validation_report.check(target, run(target)))


def test_what_nobody_approved_is_shown_at_a_line() -> None:
    """At the card, which a reviewer sees: a folder has no lines, and an annotation on one is not shown."""
    target = bundle()
    nobody = run(target, governance=by(target))
    found = [item for rule in (four_eyes, binding, approval_date) for item in rule.check(target, nobody).findings]
    uncommitted = run(target, repository=repository({"history": {"README.md": [commit("a@b.c")]}}))
    found += four_eyes.check(target, uncommitted).findings
    assert len(found) == 4
    assert {item.place for item in found} == {target.at("model_id")}
