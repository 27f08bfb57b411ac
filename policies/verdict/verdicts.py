# SPDX-License-Identifier: Apache-2.0
"""From a report to signed verdicts: one for each bundle, bound to the digests that were judged, whatever the outcome.

A bundle's verdict rests on its own cases and on those of every target that is no bundle. ``notAfter`` is the earliest
day on which anything the verdict rests on ends: the days it is given, a waiver, the next review, or the date from which
a duty that is not fulfilled applies. A run without a bundle that could be read has one verdict, over its other targets.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from policies.classification import strictest_tier
from policies.errors import CannotEvaluate
from policies.output.outcome import outcome
from policies.report import Covered, Report, State
from policies.targets.bundle import BundleTarget
from policies.verdict.dsse import IN_TOTO, sign
from policies.verdict.signing_keys import PrivateKey
from policies.verdict.statement import (
    POLICY,
    VERIFIER,
    Resource,
    RuleResults,
    RuleResultsStatement,
    Subject,
    Summary,
    TargetCovered,
    VerdictStatement,
    Verifier,
    WaiverUsed,
    encode,
)

MAX_VALID_DAYS: Final = 90
_BOUND: Final = ("manifests", "argocd", "infra")
"""Kinds of targets, besides bundles, whose digest is a subject."""
_LEVELLED: Final = (*_BOUND, "repository")
"""Kinds of targets that a consumer may insist on having been judged."""


class Terms(NamedTuple):
    """When a verdict is signed, for how many days it is meant, and what it calls the resource."""

    signed: dt.datetime
    valid_days: int = 30
    resource_uri: str | None = None


class SignedVerdict(NamedTuple):
    """``verdict`` and ``test_result`` are DSSE envelopes; ``stem`` names their files."""

    stem: str
    summary: Summary
    verdict: bytes
    test_result: bytes


def sign_verdicts(report: Report, key: PrivateKey, terms: Terms) -> list[SignedVerdict]:
    """The verdicts of a run; none where nothing could be read that has a digest. Raises CannotEvaluate for twins."""
    signed = [_signed(part, bundle, key, terms) for part, bundle in parts(report) if _subjects(part)]
    stems = [verdict.stem for verdict in signed]
    twin = next((stem for number, stem in enumerate(stems) if stem in stems[:number]), None)
    if twin is not None:
        raise CannotEvaluate(f"two bundles are {twin}, and one verdict would hide the other; name one of them")
    return signed


def parts(report: Report) -> Iterator[tuple[Report, BundleTarget | None]]:
    """The report as each bundle's verdict rests on it; where there is no bundle, the report as it is."""
    if not report.bundles:
        yield report, None
    names = {item.name for item in report.targets if item.kind == "bundle"}
    for bundle in report.bundles:
        others = names - {bundle.name} | {item.name for item in report.unreadable if item.kind == "bundle"}
        yield (
            replace(
                report,
                targets=tuple(item for item in report.targets if not _is_of(item.kind, item.name, others)),
                cases=tuple(case for case in report.cases if not _is_of(case.rule.over, case.target, others)),
                unreadable=tuple(item for item in report.unreadable if not _is_of(item.kind, item.name, others)),
                bundles=(bundle,),
            ),
            bundle,
        )


def _is_of(kind: str, name: str, bundles: set[str]) -> bool:
    """Whether something is about one of these bundles; another kind of target may have the same name."""
    return kind in ("bundle", "recomputation") and name in bundles


def _signed(report: Report, bundle: BundleTarget | None, key: PrivateKey, terms: Terms) -> SignedVerdict:
    subjects = _subjects(report)
    stem = "-".join(_bound_kinds(report)) if bundle is None else f"{bundle.card.model_id}-{bundle.card.version}"
    tests = sign(IN_TOTO, encode(RuleResultsStatement(subject=subjects, predicate=_test_result(report))), key)
    companion = Resource(uri=f"{stem}.test-result.intoto.jsonl", digest={"sha256": hashlib.sha256(tests).hexdigest()})
    summary = Summary(
        verifier=Verifier(id=VERIFIER, version={"countersign": report.version}),
        time_verified=terms.signed.astimezone(dt.UTC).replace(microsecond=0),
        resource_uri=terms.resource_uri or _resource_uri(report, bundle),
        policy=_policy(report),
        input_attestations=(companion, *_approvals(report)),
        verification_result="PASSED" if report.passed else "FAILED",
        verified_levels=_levels(report, bundle) if report.passed else ("FAILED",),
        not_after=not_after(report, terms),
        outcome=outcome(report).value,
        profile=report.profile.name,
        as_of=report.as_of,
        law_as_of=report.law.as_of if report.law.sources else None,
        waivers=_waivers(report),
        targets=tuple(TargetCovered(kind=item.kind, name=item.name, digests=item.digests) for item in report.targets),
        notices=report.notices,
    )
    verdict = sign(IN_TOTO, encode(VerdictStatement(subject=subjects, predicate=summary)), key)
    return SignedVerdict(stem, summary, verdict, tests)


def not_after(report: Report, terms: Terms) -> dt.datetime:
    """Midnight UTC of the first day on which the verdict says nothing any more."""
    today = terms.signed.astimezone(dt.UTC).date()
    ends = [min(report.as_of, today) + dt.timedelta(days=terms.valid_days)]
    ends += [waiver.expires + dt.timedelta(days=1) for waiver in _waivers(report)]
    ends += [bundle.card.next_review for bundle in report.bundles if bundle.card.next_review is not None]
    ends += [case.upcoming for case in report.cases if case.state is State.FAIL and case.upcoming is not None]
    return dt.datetime.combine(min(ends), dt.time(), dt.UTC)


def _subjects(report: Report) -> tuple[Subject, ...]:
    found = []
    for bundle in report.bundles:
        folder = f"{bundle.card.model_id}/{bundle.card.version}"
        for item in report.targets:
            if item.kind == "bundle" and item.name == bundle.name:
                found += [_subject(f"{folder}/{part}", digest) for part, digest in sorted(item.digests.items())]
    for item in report.targets:
        if item.kind in _BOUND:
            found += [_subject(part, digest) for part, digest in sorted(item.digests.items())]
    return tuple(found)


def _subject(name: str, digest: str) -> Subject:
    return Subject(name=name, digest={"sha256": digest})


def _bound_kinds(report: Report) -> list[str]:
    return [item.kind for item in report.targets if item.kind in _BOUND]


def _resource_uri(report: Report, bundle: BundleTarget | None) -> str:
    if bundle is None:
        return f"urn:countersign:{'+'.join(_bound_kinds(report))}"
    digest = bundle.digest(bundle.card.artifact.file)
    return f"pkg:generic/{bundle.card.model_id}@{bundle.card.version}?checksum=sha256:{digest}"


def _policy(report: Report) -> Resource:
    return Resource(uri=POLICY + report.profile.name, digest={"sha256": report.pack_digest})


def _approvals(report: Report) -> Iterator[Resource]:
    """Every signed statement that lay in the governance folder; the rules said which of them counted."""
    for item in report.targets:
        if item.kind == "governance":
            for part, digest in sorted(item.digests.items()):
                if part.endswith(".dsse.json"):
                    yield Resource(uri=part, digest={"sha256": digest})


def _levels(report: Report, bundle: BundleTarget | None) -> tuple[str, ...]:
    levels = [f"COUNTERSIGN_PROFILE_{report.profile.name.upper()}"]
    if bundle is not None:
        levels.append(f"COUNTERSIGN_TIER_{strictest_tier(bundle.card).name}")
        if any(_is_recomputation(item, bundle) for item in report.targets):
            recorded = bundle.card.evaluation is not None and bundle.card.evaluation.recomputable_from == "predictions"
            levels.append("COUNTERSIGN_METRICS_RECOMPUTED" + ("_FROM_PREDICTIONS" if recorded else ""))
    judged = [item.kind for item in report.targets if item.kind in _LEVELLED]
    return (*levels, *(f"COUNTERSIGN_{kind.upper()}_JUDGED" for kind in judged))


def _is_recomputation(item: Covered, bundle: BundleTarget) -> bool:
    return item.kind == "recomputation" and item.name == bundle.name


def _waivers(report: Report) -> tuple[WaiverUsed, ...]:
    used = {case.waiver for case in report.cases if case.state is State.WAIVED}
    return tuple(
        WaiverUsed(id=use.id, rule=use.rule, expires=use.expires, reason=use.reason)
        for use in report.waivers
        if use.id in used
    )


def _test_result(report: Report) -> RuleResults:
    """A rule that was asked of several targets failed if it failed on one, and warned if it warned on one."""
    failed = {case.rule.id for case in report.cases if case.blocking or case.state is State.ERROR}
    warned = {case.rule.id for case in report.cases if case.state in (State.FAIL, State.WAIVED)} - failed
    passed = {case.rule.id for case in report.cases if case.state is State.PASS} - failed - warned
    return RuleResults(
        result="FAILED" if not report.passed else "WARNED" if warned else "PASSED",
        configuration=(_policy(report),),
        passed_tests=tuple(sorted(passed)),
        warned_tests=tuple(sorted(warned)),
        failed_tests=tuple(sorted(failed)),
    )
