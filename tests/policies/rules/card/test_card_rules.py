# SPDX-License-Identifier: Apache-2.0
"""CARD rules: the reference cards pass; a key that is missing and a key that is there and false are both found."""

from typing import Any

import pytest

from policies.rules.card import (
    artifact_digest,
    change,
    identity,
    intended_use,
    limitations,
    schema,
    semantic_version,
    standards,
)
from policies.rules.card.family import MODULES
from policies.rules.judgement import Basis
from tests.policies.examples import CARDS, bundle
from tests.policies.rules.over_card import ask, said

CHANGE = {"version": "1.0.0", "date": "2026-11-23", "kind": "first release", "summary": "the first measured version"}


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.RULE.id)
def test_the_reference_cards_pass(module: Any, card: str) -> None:
    """Neither reference card has a finding, and every pass says what it established."""
    judgement = ask(module, card=card)
    assert said(judgement) == ""
    assert judgement.note


FALSE = [
    (schema, {"schema": None}, "card.yaml:1:1: the card does not name its schema"),
    (identity, {"provider": None}, "provider.name is missing"),
    (identity, {"provider": {"name": "n/a"}}, "provider.name says nothing"),
    (identity, {"name": "test"}, "name says nothing"),
    (identity, {"description": "TBD"}, "description says nothing"),
    (identity, {"provider": {"contact": None}}, "provider.contact is missing"),
    (identity, {"provider": {"contact": "The Countersign project"}}, "provider.contact repeats provider.name"),
    (identity, {"version": "1.0"}, "version is no semantic version"),
    (identity, {"version": "1.0.1"}, "version is not that of the folder"),
    (identity, {"model_id": "telecom-churn"}, "model_id is not that of the folder"),
    (identity, {"previous_version": "0.9.0"}, "previous_version is no earlier version in the inventory"),
    (identity, {"previous_version": "1.0.0"}, "previous_version is no earlier version in the inventory"),
    (artifact_digest, {"artifact": {"sha256": "0" * 64}}, "model.onnx is not the file that the card was written for"),
    (artifact_digest, {"explanation": {"sha256": "0" * 64}}, "evidence/explanation.json is not the file"),
    (intended_use, {"intended_use": None}, "intended_use has no entry"),
    (intended_use, {"out_of_scope_use": []}, "out_of_scope_use has no entry"),
    (intended_use, {"foreseeable_misuse": None}, "foreseeable_misuse has no entry"),
    (intended_use, {"foreseeable_misuse": ["TBD"]}, "foreseeable_misuse[0] says nothing"),
    (
        intended_use,
        {"intended_use": ["send offers"], "out_of_scope_use": ["credit", "Send offers!"]},
        "out_of_scope_use[1] repeats intended_use[0]",
    ),
    (intended_use, {"intended_use": ["credit scoring"]}, "`credit` is out of scope by out_of_scope_use[0]"),
    (intended_use, {"intended_use": ["Debt collection."]}, "`debt collection` is out of scope by out_of_scope_use[0]"),
    (limitations, {"limitations": None}, "limitations has no entry"),
    (limitations, {"limitations": []}, "limitations has no entry"),
    (limitations, {"limitations": [{"limitation": "misses leavers"}]}, "limitations[0].condition is missing"),
    (
        limitations,
        {"limitations": [{"limitation": "misses leavers", "condition": "-"}]},
        "limitations[0].condition says nothing",
    ),
    (
        limitations,
        {"limitations": [{"limitation": "none", "condition": "always"}]},
        "limitations[0].limitation says nothing",
    ),
    (
        limitations,
        {"limitations": [{"limitation": "misses leavers", "condition": when} for when in ("in May", "in June")]},
        "limitations[1] repeats limitations[0]",
    ),
    (change, {"changes": None}, "changes has no entry for 1.0.0"),
    (change, {"changes": [CHANGE | {"version": "1.1.0"}]}, "changes has no entry for 1.0.0"),
    (change, {"changes": [CHANGE, dict(CHANGE)]}, "a second entry is for 1.0.0"),
    (change, {"changes": [CHANGE | {"kind": "minor"}]}, "the kind of change is none of the three (minor)"),
    (change, {"changes": [CHANGE | {"kind": None}]}, "the kind of change is missing"),
    (change, {"changes": [CHANGE | {"kind": "substantial"}]}, "without a previous version this is a first release"),
    (change, {"previous_version": "0.9.0"}, "a first release has no version before it"),
    (change, {"changes": [CHANGE | {"date": "2026-11-24"}]}, "changes[0].date is in the future"),
    (change, {"changes": [CHANGE | {"date": "2026-11-22"}]}, "changes[0].date is too long ago"),
    (change, {"changes": [CHANGE | {"date": None}]}, "changes[0].date is missing"),
    (change, {"changes": [CHANGE | {"summary": "tbd"}]}, "changes[0].summary says nothing"),
    (standards, {"standards": None}, "standards has no entry"),
    (standards, {"standards": ["N/A"]}, "standards[0] says nothing"),
    (standards, {"standards": ["Validated under SR 11-7."]}, "SR 11-7, OCC 2011-12 was rescinded on 2026-04-17"),
    (standards, {"standards": ["sr 11-7 and SR 21-8"]}, "SR 21-8 was rescinded on 2026-04-17"),
    (standards, {"legal_references": [{"source": "guidance", "note": "OCC 2011-12 applies"}]}, "was rescinded"),
]


@pytest.mark.parametrize(("module", "patch", "expected"), FALSE, ids=lambda value: getattr(value, "__name__", None))
def test_what_is_missing_or_false_is_found(module: Any, patch: dict[str, Any], expected: str) -> None:
    """Each change is a finding of the rule, at its place, in these words."""
    assert expected in said(ask(module, patch))


def test_an_artifact_with_one_byte_changed_is_found() -> None:
    """The digest is computed from the bytes: a flipped bit in any pinned file fails, at the digest on the card."""
    files = bundle().files
    for file, data in files.items():
        judgement = ask(artifact_digest, files=files | {file: bytes([data[0] ^ 1]) + data[1:]})
        assert [found.seen for found in judgement.findings] != []
        assert all(file in found.message for found in judgement.findings)


def test_versions_beside_a_bundle_are_the_versions_before_it() -> None:
    """The newest earlier version must be named: not none, and not an older one; later ones do not matter."""
    beside = frozenset({"0.9.0", "0.10.0", "1.0.0-rc.1", "1.1.0", "drafts"})
    assert "though an earlier version lies beside" in said(ask(identity, siblings=beside))
    assert "not the one before this" in said(ask(identity, {"previous_version": "0.10.0"}, siblings=beside))
    assert "no earlier version" in said(ask(identity, {"previous_version": "1.1.0"}, siblings=beside))
    assert said(ask(identity, {"previous_version": "1.0.0-rc.1"}, siblings=beside)) == ""


def test_a_later_version_is_no_first_release() -> None:
    """With a version before it, a change is substantial or not."""
    patch = {"previous_version": "0.9.0", "changes": [CHANGE | {"kind": "Not substantial"}]}
    assert said(ask(change, patch)) == ""


def test_texts_are_self_reported_and_digests_verified() -> None:
    """A pass says honestly what it rests on."""
    assert ask(artifact_digest).basis is Basis.VERIFIED
    assert ask(identity).basis is Basis.VERIFIED
    assert ask(intended_use).basis is Basis.SELF_REPORTED


def test_semantic_versions_order_as_the_specification_says() -> None:
    """The example of section 11 of Semantic Versioning 2.0.0, in order, and texts that are no versions."""
    before_release = ["alpha", "alpha.1", "alpha.beta", "beta", "beta.2", "beta.11", "rc.1"]
    ordered = [*(f"1.0.0-{name}" for name in before_release), "1.0.0", "2.0.0", "2.1.0"]
    keys = [semantic_version.precedence(version) for version in ordered]
    assert None not in keys
    assert keys == sorted(keys, key=lambda key: key or ((0, 0, 0), False, ()))
    assert len(set(keys)) == len(keys)
    assert semantic_version.precedence("1.0.0+a") == semantic_version.precedence("1.0.0+b")
    for text in ("1.0", "01.0.0", "1.0.0-", "1.0.0-a..b", "1.0.0-01", "v1.0.0", "1.0.0\n", "latest"):
        assert semantic_version.precedence(text) is None
