# SPDX-License-Identifier: Apache-2.0
"""Waivers of what is judged are in force, and nobody's published key grants one in production."""

import datetime as dt
from typing import Any

import msgspec
import pytest

from policies.governance.governance import Approver, Governance, Waiver
from policies.place import Place
from policies.rules.judgement import Basis, Judgement
from policies.rules.waiver import in_force
from tests.policies.examples import AS_OF, approver, bundle, governance, manifests, run

WAIVER = Waiver(
    id="W-1",
    rule="FAIR-002",
    subject="telco-watson@1.0.0",
    reason="known and accepted",
    ticket="RISK-1",
    requested_by="retention lead",
    approved_by="model risk",
    created=AS_OF,
    expires=AS_OF + dt.timedelta(days=30),
    compensating_control="watched every week",
    place=Place("governance/waivers.yaml", 4, 5),
)


def judged(granter: Approver | None = None, *, profile: str = "prod", days: int = 0, **changes: Any) -> Judgement:
    """The rule over a folder with one waiver."""
    waiver = msgspec.structs.replace(WAIVER, **changes)
    folder: Governance = governance((granter or approver(),), waivers=(waiver,))
    target = bundle()
    return in_force.check(
        folder, run(target, as_of=AS_OF + dt.timedelta(days=days), profile=profile, governance=folder)
    )


@pytest.mark.parametrize(("days", "said"), [(-1, "created in the future"), (31, "expired on 2026-12-23")])
def test_a_waiver_out_of_its_time(days: int, said: str) -> None:
    """Before its first and after its last day, at its place in the file."""
    (finding,) = judged(days=days).findings
    assert said in finding.message
    assert finding.place == WAIVER.place


@pytest.mark.parametrize("days", [0, 30])
def test_a_waiver_in_its_time(days: int) -> None:
    """On both days it holds; the names in it are text, so this is self-reported."""
    judgement = judged(days=days)
    assert judgement.findings == ()
    assert judgement.basis is Basis.SELF_REPORTED


@pytest.mark.parametrize("subject", ["another@1.0.0", "0" * 64, "telco-watson@1.0.1"])
def test_a_waiver_of_something_else_is_not_looked_at(subject: str) -> None:
    """An expired waiver of a model that is not judged stops no other model."""
    assert judged(days=31, subject=subject).not_applicable


def test_a_waiver_of_another_kind_of_target() -> None:
    """Manifests are called by their folder."""
    folder = governance((approver(),), waivers=(msgspec.structs.replace(WAIVER, subject="rendered"),))
    target = bundle()
    later = run(target, as_of=dt.date(2027, 1, 1), governance=folder, manifests=manifests("kind: Pod\n"))
    assert len(in_force.check(folder, later).findings) == 1


@pytest.mark.parametrize(("profile", "listed", "holds"), [
    ("prod", False, False), ("prod", True, True), ("staging", False, True),
])  # fmt: skip
def test_a_demonstration_key_grants_for_listed_cards(profile: str, listed: bool, holds: bool) -> None:
    """Everybody has its private half, so in production it waives nothing but what stands beside it."""
    granter = approver(demonstration=True, cards=(bundle().card_digest,) if listed else ())
    assert bool(judged(granter, profile=profile).findings) is not holds
