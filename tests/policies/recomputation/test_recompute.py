# SPDX-License-Identifier: Apache-2.0
"""A bundle is measured from what is in it, never from what its card says of itself."""

import csv
import hashlib
import io
from pathlib import Path
from typing import Any

import msgspec
import pytest

from policies.errors import TargetUnreadable
from policies.recomputation import artifact
from policies.recomputation.recompute import recompute
from tests.policies.examples import CARDS, bundle, recomputed, released
from tests.policies.recomputation.made import constant, of_the_neighbours, write

each = pytest.mark.parametrize("card", CARDS)


@each
def test_the_reference_bundles_come_out_as_declared(card: str) -> None:
    """From the model, every figure to 1e-9, and the recorded scores are the artifact's."""
    target = recomputed(bundle(card=card))
    measured = target.measured
    assert measured.level == "model"
    assert measured.scores.differing == measured.scores.wrong_answers == ()
    assert measured.overlap == ()
    assert measured.alone <= 1e-12
    for name, declared in target.card.metrics.items():
        found = measured.figures.metrics[name]
        assert (found.n, found.interval) == (declared.n, declared.interval)
        for part in ("value", "low", "high"):
            assert getattr(found, part) == pytest.approx(getattr(declared, part), abs=1e-9), name
    declared = target.card.fairness.attributes or {}
    assert _numbers(measured.figures.fairness) == pytest.approx(_numbers(declared), abs=1e-9)


def _numbers(value: Any, path: str = "") -> dict[str, float]:
    plain = msgspec.to_builtins(value)
    if isinstance(plain, dict):
        return {name: number for key, item in plain.items() for name, number in _numbers(item, f"{path}.{key}").items()}
    return {path: plain} if isinstance(plain, int | float) else {}


def test_small_moves_change_as_many_answers_as_training_found() -> None:
    """Two programs agree on the count for each feature, integers included."""
    for card in CARDS:
        target = recomputed(bundle(card=card))
        declared = target.card.evaluation.robustness.changed_answers
        assert {shift.name: shift.share for shift in target.measured.robustness.moved} == pytest.approx(
            {name: metric.value for name, metric in declared.items()}, abs=1e-12
        )


def test_an_artifact_that_is_not_the_cards_is_never_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte changed: no process starts, and the finding names the digest's place on the card."""
    whole = released("telecom-churn")
    changed = bytes([whole.artifact[0] ^ 1]) + whole.artifact[1:]
    target = msgspec.structs.replace(whole, files={**whole.files, "model.onnx": changed})
    monkeypatch.setattr(artifact, "_PROGRAM", Path("/nowhere"))
    found = recompute(target)
    assert found.measured is None
    assert [(finding.place, finding.seen) for finding in found.problems] == [
        (target.at("artifact", "sha256"), whole.card.artifact.sha256)
    ]


@pytest.mark.parametrize("file", ["evaluation.csv", "labels.csv", "scores.csv", "training-rows.txt"])
def test_a_changed_file_is_never_parsed(file: str) -> None:
    """Evidence that is not the card's is a finding, even where it could not be read."""
    whole = released("telecom-churn")
    target = msgspec.structs.replace(whole, files={**whole.files, f"evidence/{file}": b"\xff"})
    found = recompute(target)
    assert found.measured is None
    assert f"evidence/{file} is not the file that the card names" in found.problems[0].message
    assert found.problems[0].place.line > 1


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ({"evaluation": None}, "no evaluation"),
        ({"evidence": None}, "lacks evidence/evaluation.csv"),
        ({"evaluation": {"seed": None}}, "seed is missing"),
        ({"evaluation": {"confidence": None}}, "confidence is missing"),
        ({"evaluation": {"resamples": 1_000_000_000}}, "resamples is out of range"),
        ({"evaluation": {"calibration_bins": 1}}, "calibration_bins is out of range"),
    ],
)
def test_what_is_missing_is_a_finding(patch: dict[str, Any], words: str) -> None:
    """Nothing is assumed in its place, and no card makes the gate work for ever."""
    found = recompute(bundle(patch, "telecom-churn"))
    assert found.measured is None
    assert any(words in finding.message for finding in found.problems)


def test_predictions_alone_are_a_lower_level(tmp_path: Path) -> None:
    """Without the features of the rows the figures come from the recorded scores, and it is said."""
    patch = {"evaluation": {"recomputable_from": "predictions"}}
    found = recompute(write(tmp_path, patch, {"evidence/evaluation.csv": None}))
    assert found.measured is not None
    assert (found.measured.level, found.measured.robustness, found.measured.alone) == ("predictions", None, None)
    assert found.measured.figures.metrics["accuracy"].value == pytest.approx(0.984)


def test_another_model_gives_other_figures(tmp_path: Path) -> None:
    """A constant model under the same card: accuracy is the share of the label that it always answers."""
    found = recompute(write(tmp_path, files={"model.onnx": constant(0.6)}))
    assert found.measured is not None
    assert found.measured.figures.metrics["accuracy"].value == pytest.approx(316 / 500)
    assert found.measured.figures.metrics["roc_auc"].value == pytest.approx(0.5)
    assert found.measured.scores is not None
    assert len(found.measured.scores.differing) > 490


def test_a_model_that_looks_at_the_other_rows_is_seen(tmp_path: Path) -> None:
    """Rows asked alone come out otherwise."""
    found = recompute(write(tmp_path, files={"model.onnx": of_the_neighbours()}))
    assert found.measured is not None
    assert found.measured.alone is not None
    assert found.measured.alone > 0.01


@pytest.mark.parametrize("churn", [float("nan"), float("inf"), 1.5])
def test_probabilities_that_are_none_are_an_error(churn: float, tmp_path: Path) -> None:
    """What is no distribution is no answer, and no figure comes of it."""
    with pytest.raises(TargetUnreadable, match="no distribution"):
        recompute(write(tmp_path, files={"model.onnx": constant(churn)}))


def test_recorded_answers_are_held_to_their_scores(tmp_path: Path) -> None:
    """An answer that does not follow from its probabilities is named by its row."""
    lines = released("telecom-churn").files["evidence/scores.csv"].decode().splitlines(keepends=True)
    row = next(csv.reader(io.StringIO(lines[8])))
    other = {"churn": "retain", "retain": "churn"}[row[-1]]
    lines[8] = ",".join([*row[:-1], other]) + "\n"
    found = recompute(write(tmp_path, files={"evidence/scores.csv": "".join(lines).encode()}))
    assert found.measured is not None
    assert found.measured.scores is not None
    assert found.measured.scores.wrong_answers == (7,)


def test_a_row_that_was_trained_on_is_found(tmp_path: Path) -> None:
    """Its digest among those of training is enough."""
    rows = released("telecom-churn").files["evidence/training-rows.txt"]
    evaluation = released("telecom-churn").files["evidence/evaluation.csv"]
    found = recompute(write(tmp_path, files={"evidence/training-rows.txt": rows + _digest_of(evaluation, 12)}))
    assert found.measured is not None
    assert found.measured.overlap == (12,)
    assert found.measured.training_rows == 1501


def _digest_of(evaluation: bytes, row: int) -> bytes:
    line = evaluation.decode().splitlines()[row + 1].split(",", 1)[1]
    return hashlib.sha256(f"{line}\n".encode()).hexdigest()[:16].encode() + b"\n"


def test_files_of_different_rows_are_an_error(tmp_path: Path) -> None:
    """Labels for fewer rows than were evaluated cannot be put together."""
    labels = released("telecom-churn").files["evidence/labels.csv"].decode().splitlines(keepends=True)
    with pytest.raises(TargetUnreadable, match=r"has 500 rows, but evidence/labels\.csv has 499"):
        recompute(write(tmp_path, files={"evidence/labels.csv": "".join(labels[:-1]).encode()}))


def test_more_draws_than_anyone_waits_for_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resamples and rows are each within bounds, and together too many."""
    monkeypatch.setattr("policies.recomputation.measure._DRAWS", 10_000)
    with pytest.raises(TargetUnreadable, match="evaluate with fewer resamples"):
        recompute(bundle({"evaluation": {"resamples": 101}}, "telecom-churn"))
