# SPDX-License-Identifier: Apache-2.0
"""A waiver that could never hold is refused with file, line and column, before anything is judged."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from policies.errors import WaiversInvalid
from policies.governance.governance import Waiver
from policies.governance.waivers import LONGEST_DAYS, check_waivers, read_waivers
from policies.rules.loader import load_product
from policies.rules.rule import Rule
from tests.policies.examples import approver

RULES: Mapping[str, Rule] = {module.rule.id: module.rule for module in load_product()}
ENTRY: dict[str, Any] = {
    "id": "W-1",
    "rule": "APPR-005",
    "subject": "telco-watson@1.0.0",
    "reason": "the review board meets next week",
    "ticket": "RISK-7",
    "requested_by": "retention lead",
    "approved_by": "model risk",
    "created": dt.date(2026, 11, 1),
    "expires": dt.date(2026, 11, 30),
    "compensating_control": "no new customers are scored until then",
}


def waivers(*changes: dict[str, Any], **file: Any) -> tuple[Waiver, ...]:
    """The waivers of a file whose entries are the good one, changed."""
    entries = [{key: value for key, value in {**ENTRY, **change}.items() if value is not None} for change in changes]
    whole = {"schema": "countersign.dev/waivers/v1", "waivers": entries, **file}
    plain = json.loads(json.dumps(whole, default=str))  # without objects that stand in it twice
    return read_waivers(yaml.safe_dump(plain, sort_keys=False).encode(), "waivers.yaml")


def test_a_waiver_is_read() -> None:
    """Everything in the file comes back, with its place."""
    (waiver,) = waivers({})
    assert {key: getattr(waiver, key) for key in ENTRY} == ENTRY
    assert str(waiver.place) == "waivers.yaml:3:3"


@pytest.mark.parametrize("key", sorted(ENTRY))
def test_every_field_is_needed(key: str) -> None:
    """A waiver without a reason, a date or a second person is none."""
    with pytest.raises(WaiversInvalid, match=rf"^waivers\.yaml:\d+:\d+: .*missing key `{key}`"):
        waivers({key: None})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reason": "TBD"}, "reason says nothing"),
        ({"ticket": "n/a"}, "ticket says nothing"),
        ({"compensating_control": "-"}, "compensating_control says nothing"),
        ({"expires": "2026-02-30"}, "expires"),
        ({"expires": "never"}, "expires"),
        ({"expires": dt.date(2026, 10, 31)}, "must lie between"),
        ({"expires": dt.date(2027, 1, 31)}, "must lie between"),
        ({"requested_by": "n/a"}, "requested_by says nothing"),
        ({"approved_by": "Retention Lead"}, "same person"),
        ({"approved_by": "retention  lead"}, "same person"),
        ({"approved_by": "retention-lead"}, "same person"),
        ({"approved_by": "retention\u00a0lead"}, "same person"),
        ({"colour": "green"}, "unknown key `colour`"),
        ({"subject": " "}, "subject"),
    ],
)
def test_what_could_never_hold_is_refused(change: dict[str, Any], said: str) -> None:
    """Placeholders, impossible dates, more than 90 days, one person for two, an unknown key."""
    with pytest.raises(WaiversInvalid, match=r"^waivers\.yaml:\d+:\d+: ") as caught:
        waivers(change)
    assert said in str(caught.value)


def test_an_id_is_given_once() -> None:
    """Two waivers of one id could not be told apart in a report."""
    with pytest.raises(WaiversInvalid, match="W-1"):
        waivers({}, {"rule": "APPR-003"})


@given(days=st.integers(min_value=-400, max_value=400))
def test_the_longest_waiver_holds_ninety_days(days: int) -> None:
    """From the day on which it was created to at most 90 days later, inclusive."""
    change = {"expires": ENTRY["created"] + dt.timedelta(days=days)}
    if 0 <= days <= LONGEST_DAYS:
        assert waivers(change)[0].expires == change["expires"]
    else:
        with pytest.raises(WaiversInvalid):
            waivers(change)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"waivers: [\n",
        b"waivers: []\nwaivers: []\n",
        b"\xff\xfe\x00",
        b"schema: countersign.dev/waivers/v1\nwaivers: none\n",
        b"schema: countersign.dev/waivers/v2\nwaivers: []\n",
    ],
)
def test_a_file_that_is_no_waiver_file_is_refused(text: bytes) -> None:
    """Whatever is wrong with the file ends as WaiversInvalid with its place."""
    with pytest.raises(WaiversInvalid, match=r"^waivers\.yaml:\d+:\d+: "):
        read_waivers(text, "waivers.yaml")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rule": "CARD-999"}, "no rule CARD-999"),
        ({"rule": "appr-005"}, "no rule appr-005"),
        ({"rule": "APPR-001"}, "APPR-001 may not be waived"),
        ({"approved_by": "somebody"}, "not listed"),
        ({"requested_by": "Model.Risk@Example.org"}, "same person"),
        ({"requested_by": "Somebody <model.risk@example.org>"}, "same person"),
        ({"requested_by": "Model  Risk (on leave)"}, "same person"),
    ],
)
def test_a_waiver_names_a_rule_that_may_be_waived_and_a_listed_person(change: dict[str, str], said: str) -> None:
    """An unknown rule, one that may not be waived, a stranger, and one person under two names are refused."""
    with pytest.raises(WaiversInvalid, match=r"^waivers\.yaml:\d+:\d+: ") as caught:
        check_waivers(waivers(change), RULES, (approver(),))
    assert said in str(caught.value)


def test_who_may_no_longer_approve_may_not_waive() -> None:
    """The approver's own expiry counts on the day on which the waiver was created."""
    check_waivers(waivers({}), RULES, (approver(expires=dt.date(2026, 11, 1)),))
    with pytest.raises(WaiversInvalid, match="until 2026-10-31 only"):
        check_waivers(waivers({}), RULES, (approver(expires=dt.date(2026, 10, 31)),))
