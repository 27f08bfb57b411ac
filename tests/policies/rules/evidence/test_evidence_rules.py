# SPDX-License-Identifier: Apache-2.0
"""EVID rules: files that are others, dates that cannot be, and thresholds that came too late are found."""

import datetime as dt
from typing import Any

import pytest
from msgspec import structs

from policies.rules.evidence import age, environment, files, thresholds_first
from policies.targets.bundle import BundleTarget
from policies.targets.repository import FileCommit
from tests.policies.examples import CARDS, bundle, repository, run
from tests.policies.rules.over_card import ask, said

HIGH = {"governance_tier": "High Risk"}


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("module", [files, age, environment], ids=lambda module: module.RULE.id)
def test_the_reference_cards_pass(module: Any, card: str) -> None:
    """Neither has a finding."""
    assert said(ask(module, card=card)) == ""


@pytest.mark.parametrize("file", ["evidence/labels.csv", "evidence/drift-baseline.json", "evidence/explanation.json"])
def test_one_byte_of_any_file_is_found(file: str) -> None:
    """With the place of its digest on the card; the explanation is named twice, so it is found twice."""
    whole = bundle()
    changed = {**whole.files, file: whole.files[file] + b"\n"}
    judgement = ask(files, files=changed)
    assert f"{file} has another SHA-256 than the card says" in said(judgement)
    lines = whole.card_bytes.decode().splitlines()
    assert all("sha256:" in lines[finding.place.line - 1] for finding in judgement.findings)


def test_a_file_that_the_card_does_not_name_is_found() -> None:
    """It would be released with the bundle, and nobody approved it."""
    judgement = ask(files, unlisted=("evidence/later.csv",))
    assert "evidence/later.csv lies in the bundle" in said(judgement)
    assert judgement.findings[0].place.file.endswith("1.0.0/evidence/later.csv")


def _evidence(**changes: str | None) -> dict[str, Any]:
    """The card's evidence with other digests by file name; None leaves a file out."""
    kept = []
    for item in bundle().card.evidence or ():
        name = item.file.removeprefix("evidence/").replace("-", "_").replace(".", "_")
        if changes.get(name, "") is not None:
            kept.append({"file": item.file, "content": item.content, "sha256": changes.get(name) or item.sha256})
    return {"evidence": kept}


LABELS = "608efaa2a967e0786d5eeb04cefcb22caa6c14f45aef49b31e28608aa0bacfee"
FALSE = [
    (files, {"evidence": None}, "the evidence lacks evidence/labels.csv"),
    (files, _evidence(labels_csv=None), "the evidence lacks evidence/labels.csv"),
    (files, _evidence(evaluation_csv=None), "the evidence lacks evidence/evaluation.csv"),
    (
        files,
        {**_evidence(scores_csv=None), "evaluation": {"recomputable_from": "predictions"}},
        "lacks evidence/scores",
    ),
    (files, _evidence(labels_csv="ab" * 32), "evidence/labels.csv has another SHA-256"),
    (files, _evidence(scores_csv=LABELS), "evidence/scores.csv is the same file as evidence/labels.csv"),
    (files, {"explanation": {"sha256": "ab" * 32}}, "evidence/explanation.json has another SHA-256"),
    (files, {"training_date": None}, "training_date is missing"),
    (files, {"training_date": "2026-11-24"}, "training_date is in the future"),
    (files, {"evaluation": {"date": "2026-11-24"}}, "evaluation.date is in the future"),
    (files, {"evaluation": {"date": "2026-11-22"}}, "evaluation.date is before the training"),
    (files, {"fairness": {"evaluation_date": None}}, "fairness.evaluation_date is missing"),
    (files, {"fairness": {"evaluation_date": "2020-01-01"}}, "fairness.evaluation_date is before the training"),
    (age, {"evaluation": None}, "the card has no evaluation"),
    (age, {"evaluation": {"date": "2025-11-22"}}, "the evaluation is 366 days old"),
    (age, {"fairness": {"evaluation_date": "2025-11-22"}}, "the fairness is 366 days old"),
    (age, {"evaluation": {"date": "2026-05-26"}, **HIGH}, "the evaluation is 181 days old"),
    (age, {"evaluation": {"date": "2026-05-26"}, "governance_tier": "unheard of"}, "the evaluation is 181 days old"),
    (environment, {"evaluation": None}, "the card has no evaluation"),
    (environment, {"evaluation": {"seed": None}}, "evaluation.seed is missing"),
    (environment, {"evaluation": {"resamples": 10}}, "too few resamples"),
    (environment, {"evaluation": {"libraries": None}}, "the version of python is not recorded"),
    (environment, {"evaluation": {"libraries": {"numpy": None}}}, "the version of numpy is not recorded"),
    (environment, {"evaluation": {"libraries": {"numpy": "latest"}}}, "the version of numpy is not exact"),
    (environment, {"evaluation": {"libraries": {"numpy": ">=2.0"}}}, "the version of numpy is not exact"),
    (environment, {"evaluation": {"equivalence": None}}, "whether the artifact answers as the fitted model did"),
    (environment, {"evaluation": {"equivalence": {"max_difference": 0.1}}}, "does not answer as the fitted model did"),
    (environment, {"evaluation": {"equivalence": {"tolerance": 1.0}}}, "does not answer as the fitted model did"),
    (environment, {"evaluation": {"equivalence": {"rows": 10}}}, "were not compared on the evaluation rows"),
    (environment, {"evaluation": {"image": "registry.example/train:latest"}}, "not named by its digest"),
    (environment, {**HIGH, "evaluation": {"lock_sha256": None, "image": None}}, "pinned by a lock file or an image"),
]


@pytest.mark.parametrize(("module", "patch", "words"), FALSE)
def test_what_is_missing_or_false_is_found(module: Any, patch: dict[str, Any], words: str) -> None:
    """The key that is gone, and the value that is well-formed and untrue."""
    assert words in said(ask(module, patch))


def test_evidence_ages() -> None:
    """A year after the evaluation it is still accepted at tier medium, the day after no more."""
    assert said(ask(age, as_of=dt.date(2027, 11, 23))) == ""
    assert "366 days old" in said(ask(age, as_of=dt.date(2027, 11, 24)))


THRESHOLDS, SCORES = "models/telco-watson/thresholds.yaml", "models/telco-watson/1.0.0/evidence/scores.csv"


def _commit(sha: str, day: int) -> FileCommit:
    time = dt.datetime(2026, 11, day, tzinfo=dt.UTC)
    return FileCommit(sha=sha * 40, author="a@example.org", committer="a@example.org", time=time)


def _judge(thresholds: list[FileCommit], evidence: list[FileCommit], target: BundleTarget, **fields: Any) -> str:
    history = {path: commits for path, commits in ((THRESHOLDS, thresholds), (SCORES, evidence)) if commits}
    return said(thresholds_first.check(target, run(target, repository=repository({"history": history, **fields}))))


def test_thresholds_come_first() -> None:
    """Before the first commit of any evidence; the last change counts, and so does the first evidence."""
    target, first, second, third = bundle(), _commit("1", 1), _commit("2", 2), _commit("3", 3)
    assert _judge([first], [second], target) == ""
    assert _judge([second, first], [third], target) == ""
    assert "when the evaluation had been made" in _judge([second], [second], target)
    assert "when the evaluation had been made" in _judge([third, first], [second], target)
    assert "when the evaluation had been made" in _judge([second], [third, first], target)
    assert "the history has no telco-watson/thresholds.yaml" in _judge([], [second], target)
    assert "the history has no evidence" in _judge([first], [], target)
    assert "changes that are not committed" in _judge([first], [second], target, dirty=[THRESHOLDS])


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        (None, "there is no thresholds.yaml"),
        (b"thresholds: [", "thresholds.yaml cannot be read"),
        (b"thresholds: []\nmore: 1\n", "thresholds.yaml cannot be read"),
        (b"thresholds:\n  - metric: accuracy\n    minimum: 0.5\n", "a threshold on accuracy stands in the card alone"),
    ],
)
def test_the_file_holds_the_thresholds_of_the_card(thresholds: bytes | None, words: str) -> None:
    """Another bound in the file is another requirement."""
    target = structs.replace(bundle(), thresholds=thresholds)
    assert words in _judge([_commit("1", 1)], [_commit("2", 2)], target)


@pytest.mark.parametrize("card", CARDS)
def test_the_reference_cards_repeat_their_files(card: str) -> None:
    """What lies beside the versions is what the cards have."""
    target = bundle(card=card)
    history = {
        f"models/{card}/thresholds.yaml": [_commit("1", 1)],
        f"models/{card}/1.0.0/evidence/scores.csv": [_commit("2", 2)],
    }
    judgement = thresholds_first.check(target, run(target, repository=repository({"history": history})))
    assert said(judgement) == ""
