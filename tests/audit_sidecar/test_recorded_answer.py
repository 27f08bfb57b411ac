# SPDX-License-Identifier: Apache-2.0
"""Comparing answers: equal members pass, and any changed, lost or added one is refused by name."""

import json
from typing import Any

import pytest

from audit_sidecar.recorded_answer import Compared, compare_answer, compare_evidence, parse_answer
from audit_sidecar.tlog.errors import VerificationError
from contracts import semconv
from contracts.errors import ContractError
from contracts.otlp import EvidenceSpan, encode_span, with_sequence
from tests.audit_sidecar.evidence_log import recorded_answer, request_id


def span(answer: str | None) -> bytes:
    attributes = {} if answer is None else {semconv.ANSWER: answer}
    event = EvidenceSpan("prediction", request_id(1), b"\0" * 7 + b"\1", "predict x", 1, 2, attributes)
    return with_sequence(encode_span(event), 1)


RECORDED = recorded_answer(1)
SPAN = span(json.dumps(RECORDED))


def given(**changes: Any) -> dict[str, Any]:
    return parse_answer(json.dumps({**RECORDED, "customer_id": "C-7", "evidence": {}, **changes}))


def test_equal_answers_pass_whatever_their_layout() -> None:
    """Order, spacing and the spelling of a number do not matter; the subject may be left out."""
    text = json.dumps(dict(reversed(RECORDED.items())), indent=3)
    text = text.replace("0.125", "12.50e-2").replace('"attempts": 1', '"attempts": 1.0')
    assert compare_answer(parse_answer(text), SPAN) == Compared(len(RECORDED), None)
    assert compare_answer(given(), SPAN) == Compared(len(RECORDED), "customer_id")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (
            {"churn_probability": 0.1250000000000001},
            r"\$\.churn_probability is 0\.1250000000000001, recorded is 0\.125",
        ),
        ({"prediction": "retain"}, r"\$\.prediction"),
        ({"attempts": True}, r"\$\.attempts"),
        ({"attempts": "1"}, r"\$\.attempts"),
        ({"attempts": None}, r"\$\.attempts"),
        ({"reasons": []}, r"\$\.reasons has 0 elements"),
        ({"reasons": {}}, r"\$\.reasons"),
        ({"reasons": [{"feature": "tenure_months", "weight": -0.5, "protective": 1}]}, r"\$\.reasons\[0\]\.protective"),
        ({"reasons": [{"feature": "tenure_months", "weight": -0.5}]}, r"\$\.reasons\[0\] lacks the recorded 'prot"),
        ({"reasons": [{**RECORDED["reasons"][0], "x": "y"}]}, r"\$\.reasons\[0\] has 'x'"),  # type: ignore[index]
        ({"note": "also mine"}, "'customer_id', 'note'"),
        ({"customer_id": 7}, "'customer_id'"),
        ({"customer_id": None}, "'customer_id'"),
        ({"customer_id": {"x": "y"}}, "'customer_id'"),
    ],
)
def test_a_changed_answer_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    """The refusal names the member that differs."""
    with pytest.raises(VerificationError, match=named):
        compare_answer(given(**changes), SPAN)


@pytest.mark.parametrize("lost", sorted(RECORDED))
def test_every_recorded_member_must_be_there(lost: str) -> None:
    """An answer cut short is not the recorded one."""
    answer = given()
    del answer[lost]
    with pytest.raises(VerificationError, match=lost):
        compare_answer(answer, SPAN)


def test_numbers_are_compared_exactly() -> None:
    """Two numbers that one float stands for are still two numbers."""
    answer = parse_answer('{"p": 0.1000000000000000055511151231257827}')
    with pytest.raises(VerificationError):
        compare_answer(answer, span('{"p": 0.1}'))
    assert compare_answer(parse_answer('{"p": 1E-1}'), span('{"p": 0.1}'))


@pytest.mark.parametrize(
    "text", ["", "[]", "7", "{", '{"a":1,"a":2}', '{"a":NaN}', '{"a":1e99999999999999999999}', "\ud800"]
)
def test_what_is_no_json_object_is_no_answer(text: str) -> None:
    """Texts that JSON does not define, or defines twice, are refused before any comparison."""
    with pytest.raises(ContractError):
        parse_answer(text)


def test_a_record_without_an_answer_shows_none() -> None:
    """A missing or malformed recorded answer is a refusal."""
    for broken in (span(None), span("[1]"), span("{")):
        with pytest.raises((VerificationError, ContractError)):
            compare_answer({}, broken)


def test_a_deep_answer_is_refused_not_fatal() -> None:
    """Nesting beyond the interpreter's limit ends in a refusal."""
    deep = '{"a":' + "[" * 900 + "]" * 900 + "}"
    with pytest.raises((VerificationError, ContractError)):
        compare_answer(parse_answer(deep), span(deep.replace("[]", "[0]")))


@pytest.mark.parametrize(
    "evidence",
    [
        {"log": "other", "index": 3, "leaf_hash": "00" * 32}, {"log": "l", "index": 4, "leaf_hash": "00" * 32},
        {"log": "l", "index": 3, "leaf_hash": "01" * 32}, {"log": "l", "index": 3}, {}, None, "l",
        {"log": "l", "index": 3, "leaf_hash": "00" * 32, "more": "x"},
        {"log": "l", "index": "3", "leaf_hash": "00" * 32},
    ],
)  # fmt: skip
def test_evidence_in_an_answer_must_be_the_receipts(evidence: object) -> None:
    """The answer's own pointer names log, index and leaf hash of the receipt, or it is refused."""
    with pytest.raises(VerificationError, match=r"\$\.evidence"):
        compare_evidence({"evidence": evidence}, "l", 3, bytes(32))
    compare_evidence({"evidence": {"log": "l", "index": 3, "leaf_hash": "00" * 32}}, "l", 3, bytes(32))
    compare_evidence({}, "l", 3, bytes(32))
