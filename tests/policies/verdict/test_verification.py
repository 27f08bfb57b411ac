# SPDX-License-Identifier: Apache-2.0
"""Verifying a verdict: each thing that can be wrong is refused at its own step, and nothing else is asked."""

import base64
import datetime as dt
import json
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from contracts.verification_step import Outcome, Step
from policies.verdict.dsse import IN_TOTO, sign
from policies.verdict.signing_keys import PrivateKey, PublicKey, key_id
from policies.verdict.verdicts import Terms, sign_verdicts
from policies.verdict.verification import (
    VerdictUnreadable,
    Wanted,
    refusal,
    verify_verdict,
)
from tests.policies.output.reports import BUNDLE, failed, passed

KEY: Final = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
P256: Final = ec.derive_private_key(0x1234567, ec.SECP256R1())
SIGNED: Final = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)
NOW: Final = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
SUBJECTS: Final = {"manifests": "cd" * 32}
WANTED: Final = Wanted(SUBJECTS, NOW)
STEPS: Final = [
    "signature", "subjects", "predicate", "verifier", "resource", "result", "levels", "policy", "validity",
]  # fmt: skip


def trusted(key: PrivateKey = KEY) -> dict[str, PublicKey]:
    return {key_id(key.public_key()): key.public_key()}


def verdict(key: PrivateKey = KEY) -> bytes:
    (signed,) = sign_verdicts(passed(), key, Terms(SIGNED))
    return signed.verdict


def resigned(change: Callable[[dict[str, Any]], object]) -> bytes:
    """A verdict that the right key signed over something else."""
    value = json.loads(base64.b64decode(json.loads(verdict())["payload"]))
    change(value)
    return sign(IN_TOTO, json.dumps(value).encode(), KEY)


def refused_at(steps: list[Step]) -> str:
    found = refusal(steps)
    assert found is not None
    assert steps[-1] is found, "nothing is checked after a refusal"
    return found.title


@pytest.mark.parametrize("key", [KEY, P256], ids=["ed25519", "p256"])
def test_a_sound_verdict_is_verified_in_the_order_of_the_specification(key: PrivateKey) -> None:
    """Signature, subjects, predicate type, verifier, resource, result, levels; then policy and validity."""
    steps = verify_verdict(verdict(key), trusted(key), WANTED)
    assert [step.title for step in steps] == STEPS
    assert [step.number for step in steps] == list(range(1, 10))
    assert refusal(steps) is None
    not_asked = [step.title for step in steps if step.outcome is Outcome.NOT_SHOWN]
    assert not_asked == ["resource", "levels", "policy"]


def test_everything_that_can_be_asked_for_is_checked() -> None:
    """With every expectation given, nothing is left unsaid."""
    wanted = Wanted(
        {"card.yaml": passed().bundles[0].card_digest, **SUBJECTS},
        NOW,
        resource_uri=sign_verdicts(passed(), KEY, Terms(SIGNED))[0].summary.resource_uri,
        policy_digest="ab" * 32,
        levels=("COUNTERSIGN_TIER_MEDIUM", "COUNTERSIGN_PROFILE_PROD"),
    )
    steps = verify_verdict(verdict(), trusted(), wanted)
    assert {step.outcome for step in steps} == {Outcome.VERIFIED}


def test_another_key_is_refused() -> None:
    """At the first step, and nothing else is looked at."""
    assert refused_at(verify_verdict(verdict(P256), trusted(), WANTED)) == "signature"


def test_a_tampered_payload_is_refused() -> None:
    """A verdict that was turned from FAILED into PASSED does not verify."""
    (signed,) = sign_verdicts(failed(), KEY, Terms(SIGNED))
    value = json.loads(signed.verdict)
    text = base64.b64decode(value["payload"]).replace(b'"FAILED"', b'"PASSED"')
    value["payload"] = base64.b64encode(text).decode()
    assert refused_at(verify_verdict(json.dumps(value).encode(), trusted(), WANTED)) == "signature"


def test_a_failed_verdict_is_refused() -> None:
    """It is sound, and it says no."""
    (signed,) = sign_verdicts(failed(), KEY, Terms(SIGNED))
    steps = verify_verdict(signed.verdict, trusted(), WANTED)
    assert refused_at(steps) == "result"
    assert "did not pass" in steps[-1].detail


@pytest.mark.parametrize(
    ("subjects", "says"),
    [
        ({"manifests": "ce" * 32}, "not ce"),
        ({"model.onnx": "00" * 32}, "not 00"),
        ({"absent.yaml": "cd" * 32}, "not about absent.yaml"),
        ({"anifests": "cd" * 32}, "not about anifests"),
        ({"manifests": "cd" * 32, "card.yaml": "cd" * 32}, "not cd"),
    ],
)
def test_another_subject_is_refused(subjects: dict[str, str], says: str) -> None:
    """Every shown subject has to be one of the verdict's, by name and by digest."""
    steps = verify_verdict(verdict(), trusted(), WANTED._replace(subjects=subjects))
    assert refused_at(steps) == "subjects"
    assert says in steps[-1].detail


def test_a_verdict_about_nothing_shown_is_not_verified() -> None:
    """Without a subject the answer would be yes to everything."""
    with pytest.raises(VerdictUnreadable, match="no subject"):
        verify_verdict(verdict(), trusted(), WANTED._replace(subjects={}))


def test_the_verdict_ends_at_its_instant() -> None:
    """A microsecond before it holds, from the instant on it does not."""
    end = dt.datetime(2026, 12, 23, tzinfo=dt.UTC)
    before = verify_verdict(verdict(), trusted(), WANTED._replace(now=end - dt.timedelta(microseconds=1)))
    assert refusal(before) is None
    steps = verify_verdict(verdict(), trusted(), WANTED._replace(now=end))
    assert refused_at(steps) == "validity"
    assert "expired" in steps[-1].detail


def test_other_expectations_that_are_not_met_are_refused() -> None:
    """Resource, level, policy and verifier, each at its step."""
    for wanted, title in (
        (WANTED._replace(resource_uri="oci://other"), "resource"),
        (WANTED._replace(levels=("COUNTERSIGN_TIER_HIGH",)), "levels"),
        (WANTED._replace(policy_digest="00" * 32), "policy"),
        (WANTED._replace(verifier="https://example.com/other"), "verifier"),
    ):
        assert refused_at(verify_verdict(verdict(), trusted(), wanted)) == title


@pytest.mark.parametrize(
    ("change", "title"),
    [
        (lambda value: value.update(predicateType="https://in-toto.io/attestation/test-result/v0.1"), "predicate"),
        (lambda value: value["predicate"].pop("verifier"), "predicate"),
        (lambda value: value["predicate"].update(verificationResult="MAYBE"), "predicate"),
        (lambda value: value["predicate"].pop("https://countersign.dev/verdict/v1/notAfter"), "predicate"),
        (
            lambda value: value["predicate"].update(
                {"https://countersign.dev/verdict/v1/notAfter": "2026-12-23T00:00:00"}
            ),
            "predicate",
        ),
        (lambda value: value.update(subject=[]), "subjects"),
        (lambda value: value["subject"].append(value["subject"][0]), "subjects"),
        (lambda value: value["subject"][0].update(digest={"sha256": "AB"}), "subjects"),
        (lambda value: value["subject"][0].update(digest={"md5": "ab"}), "subjects"),
        (lambda value: value.pop("_type"), "subjects"),
    ],
)
def test_a_signed_statement_that_is_no_verdict_is_refused(
    change: Callable[[dict[str, Any]], object], title: str
) -> None:
    """The right key over the wrong statement proves nothing."""
    assert refused_at(verify_verdict(resigned(change), trusted(), WANTED)) == title


def test_the_companion_is_no_verdict() -> None:
    """A test result of the same run, signed by the same key, does not stand in for it."""
    (signed,) = sign_verdicts(passed(), KEY, Terms(SIGNED))
    assert refused_at(verify_verdict(signed.test_result, trusted(), WANTED)) == "predicate"


def test_duplicate_keys_in_the_statement_are_refused() -> None:
    """Two readers must not see two results."""
    text = base64.b64decode(json.loads(verdict())["payload"])
    doubled = text.replace(b'"verificationResult":', b'"verificationResult":"FAILED","verificationResult":')
    assert refused_at(verify_verdict(sign(IN_TOTO, doubled, KEY), trusted(), WANTED)) == "subjects"


@pytest.mark.parametrize("text", [b"", b"{}", b"PASSED"])
def test_what_is_no_envelope_is_unreadable(text: bytes) -> None:
    """Not refused but unreadable: there is nothing to refuse."""
    with pytest.raises(VerdictUnreadable):
        verify_verdict(text, trusted(), WANTED)


def test_no_bit_of_a_verdict_can_change() -> None:
    """Every single-bit mutation of the file is refused, unreadable, or leaves the same verdict."""
    envelope = verdict()
    signature = envelope.index(b'"signatures"')
    for position in [*range(0, signature, 37), *range(signature, len(envelope))]:
        mutant = bytearray(envelope)
        mutant[position] ^= 1 << (position % 8)
        try:
            steps = verify_verdict(bytes(mutant), trusted(), WANTED)
        except VerdictUnreadable:
            continue
        assert refusal(steps) is not None or json.loads(mutant) == json.loads(envelope)


def test_the_bundle_of_the_report_is_the_one_on_disk() -> None:
    """The fixture's digests are those of the committed bundle, so the tests above speak of real files."""
    assert passed().targets[0].name == BUNDLE


def test_a_verdict_for_a_day_to_come_says_nothing_yet() -> None:
    """What will have been approved or waived by then has not been so far."""
    (signed,) = sign_verdicts(msgspec.structs.replace(passed(), as_of=dt.date(2026, 12, 2)), KEY, Terms(SIGNED))
    assert refused_at(verify_verdict(signed.verdict, trusted(), WANTED)) == "validity"
    later = WANTED._replace(now=dt.datetime(2026, 12, 2, tzinfo=dt.UTC))
    assert refusal(verify_verdict(signed.verdict, trusted(), later)) is None
