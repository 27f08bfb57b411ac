# SPDX-License-Identifier: Apache-2.0
"""From a report to verdicts: what they bind, what they say, and until when."""

import base64
import datetime as dt
import hashlib
import json
from typing import Any, Final

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from policies.errors import CannotEvaluate
from policies.report import Covered, Report, State, Unreadable
from policies.targets.bundle import read_bundle
from policies.verdict.statement import (
    Resource,
    RuleResultsStatement,
    Subject,
    Summary,
    VerdictStatement,
    Verifier,
    WaiverUsed,
    decode,
    encode,
)
from policies.verdict.verdicts import SignedVerdict, Terms, not_after, parts, sign_verdicts
from tests.policies.output.reports import BUNDLE, FAILING, PASSING, WAIVER, empty, failed, incomplete, passed

KEY: Final = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNED: Final = dt.datetime(2026, 11, 23, 9, 0, 0, 123, tzinfo=dt.UTC)
TERMS: Final = Terms(SIGNED)
OTHER: Final = "models/telecom-churn/1.0.0"


def the_verdict(report: Report, terms: Terms = TERMS) -> SignedVerdict:
    (verdict,) = sign_verdicts(report, KEY, terms)
    return verdict


def payload(envelope: bytes) -> bytes:
    return base64.b64decode(json.loads(envelope)["payload"])


def statement(envelope: bytes) -> dict[str, Any]:
    value = json.loads(payload(envelope))
    assert isinstance(value, dict)
    return value


def two_bundles(case_of_other: State) -> Report:
    other = read_bundle(OTHER)
    report = passed()
    template = PASSING if case_of_other is State.PASS else FAILING
    return msgspec.structs.replace(
        report,
        bundles=(*report.bundles, other),
        targets=(*report.targets, Covered(kind="bundle", name=OTHER, digests={"card.yaml": other.card_digest})),
        cases=(*report.cases, msgspec.structs.replace(template, target=OTHER)),
    )


def test_a_verdict_has_the_fields_of_a_verification_summary() -> None:
    """Every required field of VSA v1, and its own members under URIs only."""
    value = statement(the_verdict(passed()).verdict)
    assert value["_type"] == "https://in-toto.io/Statement/v1"
    assert value["predicateType"] == "https://slsa.dev/verification_summary/v1"
    predicate = value["predicate"]
    known = {
        "verifier", "timeVerified", "resourceUri", "policy", "inputAttestations", "verificationResult",
        "verifiedLevels", "slsaVersion",
    }  # fmt: skip
    assert known <= set(predicate)
    assert all(name.startswith("https://countersign.dev/verdict/v1/") for name in set(predicate) - known)
    assert predicate["timeVerified"] == "2026-11-23T09:00:00Z"
    assert predicate["verificationResult"] == "PASSED"
    assert predicate["policy"] == {"uri": "https://countersign.dev/policy/prod", "digest": {"sha256": "ab" * 32}}


def test_a_verdict_is_about_card_artifact_evidence_and_manifests() -> None:
    """Each with the digest of the bytes that were judged."""
    bundle = read_bundle(BUNDLE)
    subjects = {item["name"]: item["digest"]["sha256"] for item in statement(the_verdict(passed()).verdict)["subject"]}
    expected = {f"telco-watson/1.0.0/{file}": bundle.digest(file) for file in bundle.files}
    assert subjects == expected | {"telco-watson/1.0.0/card.yaml": bundle.card_digest, "manifests": "cd" * 32}


def test_levels_say_what_was_reached() -> None:
    """Tier and profile always; re-computed only if that was done; nothing but FAILED on a failure."""
    summary = the_verdict(passed()).summary
    levels = ("COUNTERSIGN_PROFILE_PROD", "COUNTERSIGN_TIER_MEDIUM", "COUNTERSIGN_MANIFESTS_JUDGED")
    assert summary.verified_levels == levels
    computed = Covered(kind="recomputation", name=BUNDLE, digests={})
    report = msgspec.structs.replace(passed(), targets=(*passed().targets, computed))
    assert "COUNTERSIGN_METRICS_RECOMPUTED" in the_verdict(report).summary.verified_levels
    assert not any(level.startswith("SLSA_") for level in levels)


def test_figures_from_recorded_predictions_are_another_level() -> None:
    """Whoever insists on figures from the model itself does not get them from a table."""
    (bundle,) = passed().bundles
    evaluation = bundle.card.evaluation
    assert evaluation is not None
    recorded = msgspec.structs.replace(evaluation, recomputable_from="predictions")
    report = msgspec.structs.replace(
        passed(),
        targets=(*passed().targets, Covered(kind="recomputation", name=BUNDLE, digests={})),
        bundles=(msgspec.structs.replace(bundle, card=msgspec.structs.replace(bundle.card, evaluation=recorded)),),
    )
    levels = the_verdict(report).summary.verified_levels
    assert "COUNTERSIGN_METRICS_RECOMPUTED" not in levels
    assert "COUNTERSIGN_METRICS_RECOMPUTED_FROM_PREDICTIONS" in levels


def test_a_repository_that_was_judged_is_a_level() -> None:
    """It has no digest to be bound by, and who committed what is judged only with it."""
    covered = Covered(kind="repository", name=".", digests={})
    report = msgspec.structs.replace(passed(), targets=(*passed().targets, covered))
    assert "COUNTERSIGN_REPOSITORY_JUDGED" in the_verdict(report).summary.verified_levels


def test_two_bundles_of_one_name_have_no_verdicts() -> None:
    """Both verdicts would go to one file, and the second would hide a no of the first."""
    (bundle,) = passed().bundles
    twin = msgspec.structs.replace(bundle, name="copy/telco-watson/1.0.0")
    covered = Covered(kind="bundle", name=twin.name, digests={"card.yaml": bundle.card_digest})
    report = msgspec.structs.replace(passed(), bundles=(bundle, twin), targets=(*passed().targets, covered))
    with pytest.raises(CannotEvaluate, match=r"two bundles are telco-watson-1\.0\.0"):
        sign_verdicts(report, KEY, TERMS)


def test_a_target_with_the_name_of_another_bundle_stays_in_the_verdict() -> None:
    """Only what is about the other bundle is left out, whatever manifests are called."""
    report = two_bundles(State.PASS)
    manifests = Covered(kind="manifests", name=OTHER, digests={"manifests": "ef" * 32})
    failing = msgspec.structs.replace(
        FAILING, target=OTHER, rule=msgspec.structs.replace(FAILING.rule, over="manifests")
    )
    report = msgspec.structs.replace(report, targets=(*report.targets, manifests), cases=(*report.cases, failing))
    first = next(part for part, bundle in parts(report) if bundle is not None and bundle.name == BUNDLE)
    assert manifests in first.targets
    assert failing in first.cases


@pytest.mark.parametrize("report", [failed(), incomplete()], ids=["failed", "incomplete"])
def test_a_no_is_signed_too(report: Report) -> None:
    """A run that did not pass gives a FAILED verdict about the same digests, which says how it ended."""
    verdict = the_verdict(report)
    assert verdict.summary.verification_result == "FAILED"
    assert verdict.summary.verified_levels == ("FAILED",)
    assert verdict.summary.outcome != "passed"
    assert statement(verdict.verdict)["subject"] == statement(the_verdict(passed()).verdict)["subject"]


def test_waivers_law_and_notices_are_in_the_verdict() -> None:
    """Whoever relies on a verdict learns what it rests on."""
    summary = the_verdict(passed()).summary
    assert [(use.id, use.rule, use.expires) for use in summary.waivers] == [("W-1", "FAIR-002", dt.date(2027, 1, 31))]
    assert summary.notices == ("approved with a demonstration key: no human approval",)
    assert summary.law_as_of == passed().law.as_of
    assert summary.as_of == passed().as_of


def test_the_companion_names_the_rules() -> None:
    """Passed, warned and failed by id; the verdict names it by its digest."""
    verdict = the_verdict(failed())
    results = decode(payload(verdict.test_result), RuleResultsStatement).predicate
    assert results.result == "FAILED"
    assert results.failed_tests == ("APPR-005",)
    assert set(results.warned_tests) == {"FAIR-002", "FAIR-009", "OPS-005"}
    assert set(results.passed_tests) == {"CARD-003", "CARD-004"}
    companion = verdict.summary.input_attestations[0]
    assert companion.uri == "telco-watson-1.0.0.test-result.intoto.jsonl"
    assert companion.digest == {"sha256": hashlib.sha256(verdict.test_result).hexdigest()}
    assert decode(payload(the_verdict(passed()).test_result), RuleResultsStatement).predicate.result == "WARNED"


def test_approvals_are_input_attestations() -> None:
    """Signed approvals that were read are named with their digests; other files of the folder are not."""
    folder = Covered(
        kind="governance",
        name="governance",
        digests={"approvers.yaml": "11" * 32, "approvals/telco-watson/1.0.0/a.dsse.json": "22" * 32},
    )
    report = msgspec.structs.replace(passed(), targets=(*passed().targets, folder))
    named = {item.uri: item.digest for item in the_verdict(report).summary.input_attestations[1:]}
    assert named == {"approvals/telco-watson/1.0.0/a.dsse.json": {"sha256": "22" * 32}}


def test_a_verdict_ends_with_whatever_ends_first() -> None:
    """Its days, a waiver's last day, the next review, or the date of a duty that is not fulfilled."""
    report, plain = passed(), msgspec.structs.replace(passed(), cases=(PASSING,))
    assert not_after(plain, TERMS) == dt.datetime(2026, 12, 23, tzinfo=dt.UTC)
    assert not_after(plain, Terms(SIGNED, 90)) == dt.datetime(2027, 2, 21, tzinfo=dt.UTC)
    assert not_after(report, Terms(SIGNED, 90)) == dt.datetime(2027, 2, 1, tzinfo=dt.UTC), "the day after the waiver"
    late = msgspec.structs.replace(plain, as_of=dt.date(2027, 5, 1))
    review = report.bundles[0].card.next_review
    assert review is not None
    later = Terms(dt.datetime(2027, 5, 1, tzinfo=dt.UTC), 90)
    assert not_after(late, later) == dt.datetime.combine(review, dt.time(), dt.UTC)
    duty = msgspec.structs.replace(passed(), as_of=dt.date(2027, 11, 30), bundles=(), waivers=())
    assert not_after(duty, Terms(dt.datetime(2027, 11, 30, tzinfo=dt.UTC))) == dt.datetime(2027, 12, 2, tzinfo=dt.UTC)


def test_judging_for_a_later_day_does_not_prolong_a_verdict() -> None:
    """The days count from the day of the judgement or of the signature, whichever is earlier."""
    later = msgspec.structs.replace(passed(), cases=(PASSING,), as_of=dt.date(2027, 3, 1))
    assert not_after(later, TERMS) == dt.datetime(2026, 12, 23, tzinfo=dt.UTC)
    earlier = msgspec.structs.replace(passed(), cases=(PASSING,), as_of=dt.date(2026, 1, 1))
    assert not_after(earlier, TERMS) == dt.datetime(2026, 1, 31, tzinfo=dt.UTC)


def test_each_bundle_has_its_own_verdict() -> None:
    """A bundle that fails takes no other down with it, and none stands behind another's findings."""
    verdicts = {verdict.stem: verdict.summary for verdict in sign_verdicts(two_bundles(State.FAIL), KEY, TERMS)}
    assert {stem: summary.verification_result for stem, summary in verdicts.items()} == {
        "telco-watson-1.0.0": "PASSED",
        "telecom-churn-1.0.0": "FAILED",
    }
    names = {item.name for item in verdicts["telco-watson-1.0.0"].targets}
    assert OTHER not in names
    assert "rendered/prod" in names


def test_what_is_no_bundle_counts_for_every_bundle() -> None:
    """Manifests that cannot be read fail both; a bundle that cannot be read is nobody else's."""
    report = two_bundles(State.PASS)
    assert [part.passed for part, _ in parts(report)] == [True, True]
    place = FAILING.findings[0].place
    manifests = Unreadable(kind="manifests", name="rendered", place=place, message="no object")
    bundle = Unreadable(kind="bundle", name="models/gone", place=place, message="no card")
    both = msgspec.structs.replace(report, unreadable=(manifests,))
    assert [part.passed for part, _ in parts(both)] == [False, False]
    assert [part.passed for part, _ in parts(msgspec.structs.replace(report, unreadable=(bundle,)))] == [True, True]


def test_without_anything_to_bind_nothing_is_signed() -> None:
    """A run over nothing that has a digest has no verdict."""
    assert sign_verdicts(empty(), KEY, TERMS) == []


def test_a_run_over_other_targets_has_one_verdict() -> None:
    """Rendered manifests alone can be judged and signed."""
    report = msgspec.structs.replace(
        passed(), bundles=(), targets=passed().targets[1:], cases=(msgspec.structs.replace(PASSING, target="x"),)
    )
    verdict = the_verdict(report)
    assert verdict.stem == "manifests"
    assert verdict.summary.resource_uri == "urn:countersign:manifests"


def test_the_resource_is_the_model_unless_named() -> None:
    """A package URL with the artifact's digest, or what the caller says."""
    digest = read_bundle(BUNDLE).digest("model.onnx")
    expected = f"pkg:generic/telco-watson@1.0.0?checksum=sha256:{digest}"
    assert the_verdict(passed()).summary.resource_uri == expected
    named = Terms(SIGNED, 30, "oci://registry.example/model")
    assert the_verdict(passed(), named).summary.resource_uri == "oci://registry.example/model"


def test_statements_survive_their_encoding() -> None:
    """What was signed decodes to the same statement."""
    signed = payload(the_verdict(failed()).verdict)
    assert encode(decode(signed, VerdictStatement)) == signed


SHA256: Final = st.text("0123456789abcdef", min_size=64, max_size=64)
INSTANT: Final = st.datetimes(timezones=st.just(dt.UTC))
TEXT: Final = st.text(max_size=20)
SUMMARY: Final = st.builds(
    Summary,
    verifier=st.builds(Verifier, id=TEXT, version=st.dictionaries(TEXT, TEXT, max_size=2)),
    time_verified=INSTANT,
    resource_uri=TEXT,
    policy=st.builds(Resource, uri=st.none() | TEXT, digest=st.dictionaries(TEXT, SHA256, max_size=2)),
    input_attestations=st.just(()),
    verification_result=st.sampled_from(["PASSED", "FAILED"]),
    verified_levels=st.lists(TEXT, max_size=3).map(tuple),
    not_after=INSTANT,
    outcome=TEXT,
    profile=TEXT,
    as_of=st.dates(),
    law_as_of=st.none() | st.dates(),
    waivers=st.lists(st.builds(WaiverUsed, id=TEXT, rule=TEXT, expires=st.dates(), reason=TEXT), max_size=2).map(tuple),
    targets=st.just(()),
    notices=st.lists(TEXT, max_size=2).map(tuple),
)
SUBJECTS: Final = st.lists(
    st.builds(Subject, name=TEXT, digest=SHA256.map(lambda digest: {"sha256": digest})), min_size=1, max_size=3
)


@given(summary=SUMMARY, subjects=SUBJECTS)
def test_any_madecomes_back_as_it_was(summary: Summary, subjects: list[Subject]) -> None:
    """Round trip over any texts, dates and digests."""
    made = VerdictStatement(subject=tuple(subjects), predicate=summary)
    assert decode(encode(made), VerdictStatement) == made


def test_an_unused_waiver_is_not_in_the_verdict() -> None:
    """Only what the outcome rests on is."""
    unused = msgspec.structs.replace(WAIVER, id="W-2", state="unused")
    report = msgspec.structs.replace(passed(), waivers=(WAIVER, unused))
    assert [use.id for use in the_verdict(report).summary.waivers] == ["W-1"]
