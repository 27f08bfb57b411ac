# SPDX-License-Identifier: Apache-2.0
"""Reports for the tests of outputs and verdicts: one that passed, one with everything in it that a report can hold."""

import datetime as dt
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from policies.law.law import load_law
from policies.place import Place
from policies.profiles import PROFILES
from policies.report import Case, Covered, Report, Skipped, State, Unreadable, WaiverUse
from policies.rules.judgement import Basis, Finding
from policies.rules.rule import Control, Rule, Severity, TargetKind
from policies.runner.gate import run_gate
from policies.runner.request import Request
from policies.targets.bundle import read_bundle

AS_OF: Final = dt.date(2026, 11, 23)
BUNDLE: Final = "models/telco-watson/1.0.0"
CARD: Final = f"{BUNDLE}/card.yaml"
NASTY: Final = 'a|b\n::error::<img src=x> @everyone #1 100%, `x` "q" é\x00'


def rule(
    id: str,
    severity: Severity = Severity.HIGH,
    *,
    title: str = "the artifact is the one that the card names",
    over: TargetKind = "bundle",
) -> Rule:
    return Rule(
        id=id,
        title=title,
        severity=severity,
        over=over,
        controls=(Control("eu-ai-act", "Article 15(5)"), Control("nist-ai-rmf", "MEASURE 2.7")),
        remediation="Train the bundle again, so that the card names the artifact.",
    )


def finding(message: str = "next_review is in the past", line: int = 42, *, seen: str | None = "2026-11-22") -> Finding:
    return Finding(place=Place(CARD, line, 14), message=message, wanted="a date to come", seen=seen, mend=None)


PASSING: Final = Case(
    rule=rule("CARD-003", Severity.CRITICAL),
    target=BUNDLE,
    state=State.PASS,
    basis=Basis.VERIFIED,
    blocking=False,
    note="sha256 again from the file",
)
TOLD: Final = Case(
    rule=rule("CARD-004", title="the card says what the model is for"),
    target=BUNDLE,
    state=State.PASS,
    basis=Basis.SELF_REPORTED,
    blocking=False,
    note="2 intended uses",
)
FAILING: Final = Case(
    rule=rule("APPR-005", Severity.CRITICAL, title="the card is reviewed in time"),
    target=BUNDLE,
    state=State.FAIL,
    basis=Basis.VERIFIED,
    blocking=True,
    findings=(finding(), finding(NASTY, 43, seen=NASTY)),
)
SLIGHT: Final = Case(
    rule=rule("FAIR-009", Severity.LOW, title="the fairness metric is justified"),
    target=BUNDLE,
    state=State.FAIL,
    basis=Basis.ABSENT,
    blocking=False,
    findings=(finding("appropriateness is missing", 7, seen=None),),
)
UPCOMING: Final = Case(
    rule=rule("OPS-005", title="the declaration of conformity is there"),
    target=BUNDLE,
    state=State.FAIL,
    basis=Basis.ABSENT,
    blocking=False,
    findings=(finding("no declaration is named", 9, seen=None),),
    upcoming=dt.date(2027, 12, 2),
)
WAIVED: Final = Case(
    rule=rule("FAIR-002", title="selection rates keep the four-fifths ratio"),
    target=BUNDLE,
    state=State.WAIVED,
    basis=Basis.VERIFIED,
    blocking=False,
    findings=(finding("the ratio is below 0.8", 99, seen="0.44"),),
    waiver="W-1",
)
BROKEN: Final = Case(
    rule=rule("PERF-001", title="the metrics hold"),
    target=BUNDLE,
    state=State.ERROR,
    basis=Basis.VERIFIED,
    blocking=True,
    note="KeyError: 'accuracy'",
)
INAPPLICABLE: Final = Case(
    rule=rule("PRIV-002", Severity.MEDIUM, title="prior authorisation is named"),
    target=BUNDLE,
    state=State.NOT_APPLICABLE,
    basis=Basis.VERIFIED,
    blocking=False,
    note="the model is no credit reporting",
)
WAIVER: Final = WaiverUse(
    id="W-1",
    rule="FAIR-002",
    state="used",
    expires=dt.date(2027, 1, 31),
    reason="leaving rates differ by age",
    place=Place("governance/waivers.yaml", 3, 1),
)


def passed() -> Report:
    """A run that passed, over a bundle and manifests, with a duty to come and a waiver used."""
    bundle = read_bundle(BUNDLE)
    digests = {"card.yaml": bundle.card_digest, **{file: bundle.digest(file) for file in bundle.files}}
    return Report(
        version="0.2.0",
        pack_digest="ab" * 32,
        profile=PROFILES["prod"],
        as_of=AS_OF,
        law=load_law(),
        targets=(
            Covered(kind="bundle", name=BUNDLE, digests=digests),
            Covered(kind="manifests", name="rendered/prod", digests={"manifests": "cd" * 32}),
        ),
        cases=(PASSING, TOLD, UPCOMING, WAIVED, INAPPLICABLE),
        skipped=(Skipped(rule=rule("GIT-001", over="argocd"), reason="no argocd target was named"),),
        waivers=(WAIVER,),
        notices=("approved with a demonstration key: no human approval",),
        bundles=(bundle,),
        pages={"CARD-003": "## What it checks\nThe digest.\n"},
    )


def failed() -> Report:
    """The same run, with findings that stop the release and some that do not."""
    return msgspec.structs.replace(passed(), cases=(*passed().cases, FAILING, SLIGHT))


def incomplete() -> Report:
    """The same run, with a rule that raised and a target that could not be read."""
    unreadable = Unreadable(
        kind="bundle", name="models/gone", place=Place("models/gone/card.yaml", 3, 5), message="duplicate key `x`"
    )
    return msgspec.structs.replace(failed(), cases=(*failed().cases, BROKEN), unreadable=(unreadable,))


@lru_cache
def real() -> Report:
    """What the gate says of the committed bundles, with every rule there is; figures are not computed again here."""
    request = Request(
        version="0.2.0",
        profile=PROFILES["dev"],
        as_of=AS_OF,
        bundles=(BUNDLE, "models/telecom-churn/1.0.0"),
        governance=Path("governance"),
        recompute=False,
    )
    return run_gate(request)


def empty() -> Report:
    """A run that judged nothing."""
    return msgspec.structs.replace(passed(), cases=(INAPPLICABLE,), targets=(), bundles=(), waivers=(), notices=())
