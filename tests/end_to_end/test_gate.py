# SPDX-License-Identifier: Apache-2.0
"""The gate as its users run it: the reference bundles pass, and each false claim stops the release at its line.

After each change the bundle is approved again, so that what stops it is the rule about the change and not the void
approval.
"""

import datetime as dt
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.policies.desk import CHURN, TELCO, Desk, Judged, lay_out
from tests.policies.rules.own_rule import WHOLE, write

CARD = f"{TELCO}/card.yaml"
WAIVER = {
    "id": "W-9",
    "rule": "APPR-005",
    "subject": "telco-watson@1.0.0",
    "reason": "the review board meets next week",
    "ticket": "RISK-9",
    "requested_by": "retention lead",
    "approved_by": "demonstration model risk",
    "created": "2026-11-01",
    "expires": "2026-11-30",
    "compensating_control": "no new customers are scored until then",
}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """One bundle with people in it, approved."""
    return lay_out(tmp_path, TELCO)


def test_both_reference_bundles_pass(tmp_path: Path) -> None:
    """In profile prod, without a word about whose approval it is left out."""
    desk = lay_out(tmp_path, TELCO, CHURN)
    judged = desk.check()
    assert judged.code == 0, judged.out + judged.err
    assert judged.report["outcome"] == "passed"
    assert len(re.findall("approved with a demonstration key: no human approval", judged.out)) == 2


def test_what_is_committed_passes() -> None:
    """The bundles, approvals and waivers of this repository, as they stand in it."""
    from tests.tree import ROOT

    ran = Desk(ROOT).run("check", "--as-of", "2026-11-23")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def _stops(judged: Judged, rule: str, place: str) -> None:
    """The release is stopped by this rule at this place, and the text says so with a line to open."""
    assert judged.code == 1, judged.out + judged.err
    assert place in [re.sub(r":\d+$", "", found) for found in judged.stopping()[rule]]
    assert f"{place}:" in judged.out
    assert rule in judged.out


def test_a_review_that_was_due_yesterday(desk: Desk) -> None:
    """Exit 1 at the line of next_review, under every profile."""
    line = desk.edit(CARD, "next_review: 2027-05-21", "next_review: 2026-11-22")
    desk.approve()
    for profile in ("prod", "staging", "dev"):
        _stops(desk.check(profile=profile), "APPR-005", f"{CARD}:{line}")


def test_no_review_at_all(desk: Desk) -> None:
    """Exit 1; the place is that of the card."""
    desk.edit(CARD, "next_review: 2027-05-21\n", "")
    desk.approve()
    _stops(desk.check(), "APPR-005", f"{CARD}:1")


def test_a_tier_that_is_missing(desk: Desk) -> None:
    """Exit 1, and the tier family says what is missing."""
    desk.edit(CARD, "governance_tier: Medium Risk\n", "")
    desk.approve()
    _stops(desk.check(profile="dev"), "TIER-004", f"{CARD}:1")


def test_a_class_that_contradicts_the_purpose(desk: Desk) -> None:
    """Credit scoring is point 5b of Annex III, so limited risk is not its class: exit 1 at the words."""
    old = "  - rank existing customers for a voluntary retention offer that a person decides on\n"
    line = desk.edit(CARD, old, "  - credit scoring of customers who apply for a loan\n")
    desk.approve()
    judged = desk.check(profile="dev")
    assert judged.code == 1, judged.out
    named = [place for rule, places in judged.stopping().items() if rule.startswith("TIER-") for place in places]
    assert any(place.startswith(f"{CARD}:{line}:") for place in named), named


def test_an_accuracy_that_is_two_points_too_high(desk: Desk) -> None:
    """Nobody believes the card: the figure is computed again, exit 1 at its line."""
    line = desk.edit(CARD, "accuracy:\n    value: 0.8106103822019395", "accuracy:\n    value: 0.8306103822019395") + 1
    desk.approve()
    _stops(desk.check(), "PERF-001", f"{CARD}:{line}")


def test_one_changed_byte_of_the_artifact(desk: Desk) -> None:
    """Exit 1 at the digest on the card; the artifact is not run."""
    desk.change(f"{TELCO}/model.onnx", lambda data: data[:-1] + bytes([data[-1] ^ 1]))
    judged = desk.check()
    line = _line(desk, CARD, "artifact:\n", "  sha256:")
    _stops(judged, "CARD-003", f"{CARD}:{line}")
    assert "APPR-002" in judged.stopping()


def test_an_approval_of_another_card(desk: Desk) -> None:
    """Without a new approval any change is a void one: exit 1."""
    desk.edit(CARD, "name: Telecom churn, IBM sample customers", "name: Telecom churn")
    _stops(desk.check(), "APPR-002", f"{CARD}:1")


UNREADABLE: dict[str, tuple[Callable[[Desk], object], str]] = {
    "an unknown key": (lambda desk: desk.edit(CARD, "next_review: 2027", "nxt_review: 2027"), "unknown key"),
    "a duplicate key": (
        lambda desk: desk.change(CARD, lambda text: text + b"version: 2.0.0\n"),
        "duplicate key `version`",
    ),
    "not YAML": (lambda desk: desk.change(CARD, lambda text: b"features: [\n" + text), "not YAML"),
    "a wrong type": (lambda desk: desk.edit(CARD, "next_review: 2027-05-21", "next_review: soon"), "next_review"),
    "an empty card": (lambda desk: desk.change(CARD, lambda text: b""), "empty"),
    "no card": (lambda desk: (desk.root / CARD).unlink(), "cannot be read"),
    "no artifact": (lambda desk: (desk.root / TELCO / "model.onnx").unlink(), "model.onnx"),
    "no evidence": (lambda desk: (desk.root / TELCO / "evidence" / "labels.csv").unlink(), "labels.csv"),
}


@pytest.mark.parametrize(("change", "said"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_bundle_that_cannot_be_read_is_not_evaluated(desk: Desk, change: Callable[[Desk], object], said: str) -> None:
    """Exit 2 with file and line, not 1: what is on the card was never judged."""
    change(desk)
    judged = desk.check(profile="dev")
    assert judged.code == 2, judged.out + judged.err
    assert said in judged.out
    assert re.search(rf"{re.escape(TELCO)}/\S+:\d+:\d+: ", judged.out)
    assert judged.report["outcome"] == "could not evaluate"


TARGETS: dict[str, tuple[str, dict[str, str], str]] = {
    "manifests that are not there": ("manifests=rendered", {}, "rendered"),
    "manifests that are empty": ("manifests=rendered", {"rendered/.keep": ""}, "rendered"),
    "manifests that are no YAML": ("manifests=rendered", {"rendered/a.yaml": "a: [\n"}, "rendered/a.yaml:2:1"),
    "manifests with a duplicate key": (
        "manifests=rendered",
        {"rendered/a.yaml": "kind: Pod\nkind: Job\n"},
        "rendered/a.yaml:2:1",
    ),
    "a chart without helm": ("manifests=chart", {"chart/Chart.yaml": "name: c\nversion: 1.0.0\n"}, "helm"),
    "Argo CD without objects": ("argocd=argo", {"argo/a.yaml": "apiVersion: v1\nkind: Pod\n"}, "argo"),
    "a folder without Git": ("repository", {}, "repository"),
    "no program for the infrastructure": ("infra", {}, "infra"),
}


@pytest.mark.parametrize(("target", "files", "said"), TARGETS.values(), ids=TARGETS)
def test_a_target_that_cannot_be_read_is_not_evaluated(
    desk: Desk, target: str, files: dict[str, str], said: str
) -> None:
    """Exit 2, though the bundle passed: what was named has to be judged."""
    for name, text in files.items():
        (desk.root / name).parent.mkdir(parents=True, exist_ok=True)
        (desk.root / name).write_text(text)
    empty = desk.root / "bin"
    empty.mkdir()
    git = shutil.which("git")
    assert git is not None
    (empty / "git").symlink_to(git)
    file = desk.root / "report.json"
    words = ["--profile", "dev", "--no-recomputation", "--as-of", "2026-11-23", "--output", f"json={file}"]
    ran = desk.run("check", *words, "--output", "text", "--target", target, PATH=str(empty), HELM="")
    assert ran.returncode == 2, ran.stdout + ran.stderr
    (unreadable,) = json.loads(file.read_text())["unreadable"]
    assert said in f"{unreadable['place']['file']}:{unreadable['place']['line']}:1 {unreadable['message']}"
    assert "Traceback" not in ran.stdout + ran.stderr


def test_no_bundle(tmp_path: Path) -> None:
    """Exit 2 in an empty folder, and for one that is not there."""
    desk = Desk(tmp_path)
    assert desk.check().code == 2
    assert "models/<id>/<version>" in desk.check().err
    (tmp_path / "models").mkdir()
    assert desk.check().code == 2
    assert desk.check("models/nothing/1.0.0").code == 2


def test_an_empty_set_of_rules(desk: Desk) -> None:
    """A folder of rules with no rule in it, one that is not there, and one with a mistake: exit 2 each."""
    config = desk.root / "countersign.toml"
    config.write_text('[check]\nrules = ["rules"]\n')
    assert desk.check("--config", str(config)).code == 2
    (desk.root / "rules").mkdir()
    empty = desk.check("--config", str(config))
    assert (empty.code, empty.report) == (2, {})
    assert "holds no rule" in empty.err
    write(desk.root / "rules", WHOLE.replace("RULE = ", "R = "))
    assert "name.py" in desk.check("--config", str(config)).err


def test_a_rule_of_a_team_that_breaks_off(desk: Desk) -> None:
    """Exit 2, though everything else was judged; no traceback."""
    config = desk.root / "countersign.toml"
    config.write_text('[check]\nrules = ["rules"]\nprofile = "dev"\n')
    write(desk.root / "rules", WHOLE.replace("bundle.card.name is None", "bundle.card.colour is None"))
    judged = desk.check("--config", str(config), profile="dev")
    assert judged.code == 2, judged.out
    assert "the rule broke off: AttributeError" in judged.out
    assert "Traceback" not in judged.out + judged.err


def test_a_waiver_holds_and_expires(desk: Desk) -> None:
    """On its last day the finding is waived; the day after it is back, and stderr says why: exit 1."""
    desk.edit(CARD, "next_review: 2027-05-21", "next_review: 2026-11-22")
    desk.approve()
    desk.waive(WAIVER)
    held = desk.check(as_of="2026-11-30", profile="dev")
    assert held.code == 0, held.out + held.err
    assert "waived by W-9 until 2026-11-30" in held.out
    over = desk.check(as_of="2026-12-01", profile="dev")
    assert over.code == 1
    assert "APPR-005" in over.stopping()
    assert over.stopping()["WAIV-001"][0].startswith("governance/waivers.yaml:")
    assert "W-9 of APPR-005 expired on 2026-11-30" in over.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rule": "CARD-999"}, "no rule CARD-999"),
        ({"rule": "APPR-001"}, "may not be waived"),
        ({"expires": "2026-02-30"}, "expires"),
        ({"expires": str(dt.date(2026, 11, 1) + dt.timedelta(days=91))}, "must lie between"),
        ({"approved_by": "retention lead"}, "same person"),
        ({"approved_by": "somebody else"}, "not listed"),
        ({"reason": "TBD"}, "says nothing"),
    ],
)
def test_a_waiver_file_that_could_never_hold(desk: Desk, change: dict[str, str], said: str) -> None:
    """Exit 3 with file and line, whatever else is right or wrong."""
    desk.waive({**WAIVER, **change})
    judged = desk.check(profile="dev")
    assert judged.code == 3, judged.out + judged.err
    assert re.search(r"governance/waivers\.yaml:\d+:\d+: ", judged.err)
    assert said in judged.err


def _line(desk: Desk, file: str, section: str, key: str) -> int:
    """The line of the first key after the start of a section."""
    text = (desk.root / file).read_text("utf-8")
    return text[: text.index(key, text.index(section))].count("\n") + 1
