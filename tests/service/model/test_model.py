# SPDX-License-Identifier: Apache-2.0
"""A bundle is served only if artifact, explanation and card fit together; what is served is what the card promises."""

import hashlib
import math
from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.bundle import load_bundle
from contracts.errors import BundleInvalid
from contracts.model_card import Output
from service.model.model import Model
from service.model.session import Row
from service.model.verdict import LabelRule, Outcome
from tests.service.small_bundle import (
    BASELINE,
    CENTERS,
    COEFFICIENTS,
    LINEAR_CARD,
    MIXED_CARD,
    write_crowd_bundle,
    write_linear_bundle,
    write_mixed_bundle,
)


def test_score_is_the_probability_of_the_positive_label(bundle: Path) -> None:
    """Computed in double precision, unrounded."""
    row: Row = (1.0, 95.5, 95.5, 5)
    logit = BASELINE + sum(c * (x - m) for c, x, m in zip(COEFFICIENTS, row, CENTERS, strict=True))
    outcome = Model(load_bundle(bundle)).predict([row])[0]
    assert outcome is not None
    assert outcome.label == "churn"
    assert math.isclose(outcome.score, 1 / (1 + math.exp(-logit)), rel_tol=1e-12)


def test_rows_of_one_call_do_not_touch_each_other(bundle: Path, mixed_bundle: Path) -> None:
    """A batch gives what single calls give, but for the last bit: the runtime sums wide and narrow rows differently."""
    linear: list[Row] = [(float(n), 20.0 + n, 100.0 * n, n % 8) for n in range(50)]
    mixed: list[Row] = [("gold", "note", n % 2 == 0, n) for n in range(50)]
    for root, rows in ((bundle, linear), (mixed_bundle, mixed)):
        model = Model(load_bundle(root))
        for together, row in zip(model.predict(rows), rows, strict=True):
            alone = model.predict([row])[0]
            assert together is not None
            assert alone is not None
            assert together.label == alone.label
            assert math.isclose(together.score, alone.score, rel_tol=1e-13)


def test_rows_that_look_at_each_other_are_predicted_alone(tmp_path: Path) -> None:
    """Callers of one moment must not feel each other, whatever the artifact does with a batch."""
    model = Model(load_bundle(write_crowd_bundle(tmp_path / "crowd")))
    rows: list[Row] = [(float(n), 20.0 + n, 100.0 * n, n % 8) for n in range(50)]
    alone = [model.predict([row])[0] for row in rows]
    assert model.predict(rows) != alone
    assert model.predict_side_by_side(rows) == alone


def test_bundle_without_explanation_gives_no_reasons(mixed_bundle: Path) -> None:
    """None are invented."""
    assert Model(load_bundle(mixed_bundle)).explain(("gold", "", True, 1)) is None


def test_reasons_too_large_for_a_number_are_left_out(bundle: Path) -> None:
    """JSON has no infinity."""
    model = Model(load_bundle(bundle))
    assert model.explain((1e308, 1e308, 1e308, 10)) is not None
    assert model.explain((math.inf, 0.0, 0.0, 0)) is None


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("name: tenure_months", "name: tenure", "explains `tenure_months`"),
        (", minimum: 0, maximum: 100}", "}\n  - {name: extra, type: number}", "does not run on a row"),
        ("[retain, churn]", "[retain, churn, other]", "gives probabilities of shape"),
    ],
)
def test_card_that_does_not_fit_the_artifact_is_refused(tmp_path: Path, before: str, after: str, message: str) -> None:
    """At start, with the file's name; never at the first request."""
    card = LINEAR_CARD.replace(before, after)
    if "other" in after:
        card = card.replace("  positive: churn\n  threshold: 0.5\n", "")
    with pytest.raises(BundleInvalid, match=message):
        Model(load_bundle(write_linear_bundle(tmp_path / "b", card)))


def test_inputs_that_are_not_the_features_are_refused(tmp_path: Path) -> None:
    """The message names both sides."""
    card = MIXED_CARD.replace("name: age", "name: years")
    with pytest.raises(BundleInvalid, match=r"has inputs age, class, note, urgent.*class, note, urgent, years"):
        Model(load_bundle(write_mixed_bundle(tmp_path / "b", card)))


def test_weights_in_a_file_beside_the_artifact_are_never_loaded(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No digest covers such a file, so it is not looked for: neither where the service runs nor beside the model."""
    card, artifact = bundle / "card.yaml", bundle / "model.onnx"
    before = hashlib.sha256(artifact.read_bytes()).hexdigest()
    model = onnx.load(artifact)
    onnx.save_model(model, artifact, save_as_external_data=True, location="weights.bin", size_threshold=0)
    card.write_text(card.read_text().replace(before, hashlib.sha256(artifact.read_bytes()).hexdigest()))
    assert (bundle / "weights.bin").exists()
    monkeypatch.chdir(bundle)
    with pytest.raises(BundleInvalid, match="can load"):
        Model(load_bundle(bundle))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleInvalid):
        Model(load_bundle(bundle))


def test_artifact_that_is_no_model_is_refused(tmp_path: Path) -> None:
    """A file whose digest is right may still be no model."""
    root = write_mixed_bundle(tmp_path / "b")
    (root / "model.onnx").write_bytes(b"no model")
    card = (root / "card.yaml").read_text()
    digest = card.partition('sha256: "')[2][:64]
    with pytest.raises(BundleInvalid, match="SHA-256"):
        load_bundle(root)
    new = hashlib.sha256(b"no model").hexdigest()
    (root / "card.yaml").write_text(card.replace(digest, new))
    with pytest.raises(BundleInvalid, match="is not an ONNX model"):
        Model(load_bundle(root))


BINARY = Output(labels=("no", "yes"), positive="yes", threshold=0.3)


@given(st.floats(0, 1))
def test_two_labels_split_at_the_threshold(score: float) -> None:
    """The positive label from the threshold on, inclusive."""
    assert LabelRule(BINARY).apply([1 - score, score]) == Outcome("yes" if score >= 0.3 else "no", score)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_more_labels_take_the_most_probable(scores: list[float]) -> None:
    """The first of equals."""
    outcome = LabelRule(Output(labels=("a", "b", "c"))).apply(scores)
    assert outcome == Outcome("abc"[scores.index(max(scores))], max(scores))


@pytest.mark.parametrize("scores", [[math.nan, math.nan], [0.0, math.inf]])
def test_score_that_is_no_number_is_none(scores: list[float]) -> None:
    """It is for the caller to refuse."""
    assert LabelRule(BINARY).apply(scores) is None
    assert LabelRule(Output(labels=("a", "b", "c"))).apply([0.1, *scores]) is None
