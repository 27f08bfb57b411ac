# SPDX-License-Identifier: Apache-2.0
"""A waiver covers its rule on its subject from its first to its last day, and nothing else."""

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ed25519

from policies.errors import WaiversInvalid
from policies.report import Report, State
from policies.runner.gate import run_gate
from policies.verdict.signing_keys import public_pem
from tests.policies.examples import released
from tests.policies.runner.rules import BUNDLE, OTHER_BUNDLE, fails, pack, passes, request, rule

KEY = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
ENTRY: dict[str, Any] = {
    "id": "W-1",
    "rule": "TEAM-001",
    "subject": "telco-watson@1.0.0",
    "reason": "the review board meets next week",
    "ticket": "RISK-7",
    "requested_by": "retention lead",
    "approved_by": "Ada",
    "created": "2026-11-01",
    "expires": "2026-11-30",
    "compensating_control": "no new customers are scored until then",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A governance folder in which Ada may approve."""
    approvers = {
        "schema": "countersign.dev/approvers/v1",
        "approvers": [{"name": "Ada", "duty": "model risk", "public_key": public_pem(KEY.public_key())}],
    }
    (tmp_path / "approvers.yaml").write_text(yaml.safe_dump(approvers))
    return tmp_path


def judged(folder: Path, *entries: dict[str, Any], day: str = "2026-11-23", **changes: Any) -> Report:
    """Both reference bundles under a rule that fails, with these waivers."""
    waivers = {"schema": "countersign.dev/waivers/v1", "waivers": [{**ENTRY, **entry} for entry in entries]}
    (folder / "waivers.yaml").write_text(yaml.safe_dump(waivers))
    whole = request(BUNDLE, OTHER_BUNDLE, governance=folder, as_of=dt.date.fromisoformat(day))
    return run_gate(whole, changes.get("pack", pack(rule(fails), rule(fails, "TEAM-002"), rule(passes, "TEAM-003"))))


def waived(report: Report) -> list[tuple[str, str]]:
    """Rule and target of everything that was waived."""
    return [(case.rule.id, case.target) for case in report.cases if case.state is State.WAIVED]


def test_a_waiver_covers_one_rule_on_one_subject(folder: Path) -> None:
    """The same rule on another bundle, and another rule on the same bundle, still fail and block."""
    report = judged(folder, {})
    assert waived(report) == [("TEAM-001", BUNDLE)]
    case = report.cases[0]
    assert (case.waiver, case.blocking, bool(case.findings)) == ("W-1", False, True)
    assert [c.blocking for c in report.cases[1:4]] == [True, True, True]
    assert [use.state for use in report.waivers] == ["used"]


def test_a_bundle_is_called_by_its_card(folder: Path) -> None:
    """Besides `model_id@version`, the digest of the card; a folder's name binds nothing that lies in it."""
    assert waived(judged(folder, {"subject": released("telco-watson").card_digest})) == [("TEAM-001", BUNDLE)]
    assert waived(judged(folder, {"subject": BUNDLE})) == []


@pytest.mark.parametrize(
    ("day", "state"),
    [
        ("2026-10-31", "not yet in force"),
        ("2026-11-01", "used"),
        ("2026-11-30", "used"),
        ("2026-12-01", "expired"),
    ],
)
def test_the_first_and_the_last_day_count(folder: Path, day: str, state: str) -> None:
    """Before and after, the finding is back and blocks."""
    report = judged(folder, {}, day=day)
    assert [use.state for use in report.waivers] == [state]
    assert report.cases[0].blocking is (state != "used")


def test_a_waiver_that_covers_nothing_is_said_to(folder: Path) -> None:
    """Of a rule that passed: unused. Of something that was not judged: not for this target."""
    report = judged(
        folder, {"rule": "TEAM-003"}, {"id": "W-2", "subject": "another@1.0.0"}, {"id": "W-3", "subject": "0" * 64}
    )
    assert [use.state for use in report.waivers] == ["unused", "not for this target", "not for this target"]
    assert waived(report) == []


def test_of_two_waivers_the_second_is_unused(folder: Path) -> None:
    """One finding is waived once, so the report shows which waiver could go."""
    report = judged(folder, {}, {"id": "W-2"})
    assert [use.state for use in report.waivers] == ["used", "unused"]


def test_an_error_is_never_waived(folder: Path) -> None:
    """What could not be judged cannot be accepted as a deviation."""
    report = judged(folder, {}, pack=pack(rule(lambda target, run: None)))
    assert waived(report) == []
    assert not report.complete


@pytest.mark.parametrize("change", [{"rule": "TEAM-009"}, {"approved_by": "Bob"}, {"expires": "2027-11-01"}])
def test_an_invalid_waiver_stops_the_run(folder: Path, change: dict[str, str]) -> None:
    """Nothing is judged under a waiver file that could never hold."""
    with pytest.raises(WaiversInvalid, match=r"waivers\.yaml:\d+:\d+"):
        judged(folder, change)


def test_a_rule_that_may_not_be_waived_is_not(folder: Path) -> None:
    """The file is refused, not the waiver alone."""
    with pytest.raises(WaiversInvalid, match="may not be waived"):
        judged(folder, {}, pack=pack(rule(fails, waivable=False)))


def test_waivers_change_nothing_but_what_they_cover(folder: Path) -> None:
    """Beside state, blocking and waiver, the cases are those of a run without waivers."""
    bare = judged(folder)
    covered = judged(folder, {})
    (case,) = [case for case in covered.cases if case.state is State.WAIVED]
    restored = msgspec.structs.replace(case, state=State.FAIL, blocking=True, waiver=None)
    assert [restored if case.state is State.WAIVED else case for case in covered.cases] == list(bare.cases)
