# SPDX-License-Identifier: Apache-2.0
"""A verdict stays for as long as a new one would say the same."""

import datetime as dt

import msgspec
import pytest

from policies.promotion.keeping import why_renewed
from policies.report import Report
from policies.verdict.verdicts import Terms, sign_verdicts
from tests.policies.output.reports import passed
from tests.policies.promotion.promoting import KEY

FIRST = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)
PUBLIC = KEY.public_key()


def files(report: Report, day: int = 0) -> dict[str, bytes]:
    (signed,) = sign_verdicts(_on(report, day), KEY, Terms(FIRST + dt.timedelta(days=day)))
    return {
        f"{signed.stem}.vsa.intoto.jsonl": signed.verdict,
        f"{signed.stem}.test-result.intoto.jsonl": signed.test_result,
    }


def why(old: dict[str, bytes], report: Report, day: int) -> str | None:
    terms = Terms(FIRST + dt.timedelta(days=day))
    (new,) = sign_verdicts(_on(report, day), KEY, terms)
    return why_renewed(old, new, PUBLIC, terms)


def _on(report: Report, day: int) -> Report:
    return msgspec.structs.replace(report, as_of=(FIRST + dt.timedelta(days=day)).date())


@pytest.mark.parametrize(("day", "renewed"), [(0, None), (1, None), (19, None), (20, "only 9 of its days were left")])
def test_it_stays_until_less_than_a_third_of_its_days_is_left(day: int, renewed: str | None) -> None:
    """Of thirty days."""
    assert why(files(lasting()), lasting(), day) == renewed


def lasting() -> Report:
    """A report that no waiver and no duty ends before its days do."""
    report = passed()
    cases = tuple(case for case in report.cases if case.upcoming is None and case.waiver is None)
    return msgspec.structs.replace(report, cases=cases, waivers=())


def test_it_is_renewed_when_it_says_something_else() -> None:
    """Rules, notices, results, waivers, subjects: each by itself."""
    old = files(lasting())
    said = {"pack_digest": "cd" * 32, "notices": ("another",), "version": "9"}
    for name, value in said.items():
        assert why(old, msgspec.structs.replace(lasting(), **{name: value}), 1) == "it says something else now"
    assert why(old, msgspec.structs.replace(lasting(), cases=lasting().cases[:1]), 1) == "it says something else now"
    bundle, manifests = lasting().targets
    other = msgspec.structs.replace(manifests, digests={"manifests": "ef" * 32})
    changed = msgspec.structs.replace(lasting(), targets=(bundle, other))
    assert why(old, changed, 1) == "it is about something else now"


def test_it_is_renewed_when_it_would_end_earlier() -> None:
    """A review that comes before its last day takes it back."""
    card = msgspec.structs.replace(lasting().bundles[0].card, next_review=dt.date(2026, 12, 1))
    sooner = msgspec.structs.replace(lasting(), bundles=(msgspec.structs.replace(lasting().bundles[0], card=card),))
    assert why(files(lasting()), sooner, 1) == "it ends earlier now"
    assert why(files(sooner), sooner, 7) is None  # and a new one would last no longer


def test_what_is_not_there_or_not_sound_is_replaced() -> None:
    """None, another bundle's, or one by another key."""
    assert why({}, lasting(), 0) == "there was none"
    assert why({"other-1.0.0.vsa.intoto.jsonl": b""}, lasting(), 0) == "it is another bundle's"
    broken = {name: content.replace(b'"sig":"', b'"sig":"AAAA') for name, content in files(lasting()).items()}
    assert str(why(broken, lasting(), 0)).startswith("the one that was there cannot be used")
