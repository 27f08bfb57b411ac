# SPDX-License-Identifier: Apache-2.0
"""PERF rules: figures that were raised, thresholds that ask for nothing, evidence that says too little."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from contracts.model_card_evidence import Metric
from policies.recomputation.recomputation import Comparison, Scores, Shift
from policies.rules.judgement import Basis
from policies.rules.performance import (
    appropriateness,
    calibration,
    interval_bounds,
    overlap,
    previous_version,
    recomputed_metrics,
    robustness,
    sample_size,
    security_assessment,
    thresholds,
)
from policies.rules.rule import Severity
from policies.targets.bundle import read_card
from tests.policies.examples import CARDS, bundle, recomputed, run
from tests.policies.rules import over_card
from tests.policies.rules.over_card import said
from tests.policies.rules.over_figures import ask, figures, measured, with_metric

OVER_FIGURES = (
    recomputed_metrics, thresholds, interval_bounds, sample_size, previous_version, calibration, robustness,
    security_assessment, overlap,
)  # fmt: skip
HIGH = {"governance_tier": "High Risk"}
ALL = [
    {"metric": "accuracy", "minimum": 0.75},
    {"metric": "precision", "minimum": 0.6},
    {"metric": "recall", "minimum": 0.45},
    {"metric": "roc_auc", "minimum": 0.8},
]


def bounds(metric: str, **changes: Any) -> dict[str, Any]:
    """A card whose thresholds are as they should be, but for one."""
    return {"thresholds": [{"metric": metric, **changes} if item["metric"] == metric else item for item in ALL]}


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("module", OVER_FIGURES, ids=lambda module: module.RULE.id)
def test_the_reference_cards_pass(module: Any, card: str) -> None:
    """Neither reference card has a finding, and every rule says what it established or why it asks nothing."""
    judgement = ask(module, card=card)
    assert said(judgement) == ""
    assert judgement.note or (module is previous_version and judgement.not_applicable)


@pytest.mark.parametrize("module", OVER_FIGURES, ids=lambda module: module.RULE.id)
def test_without_figures_nothing_passes(module: Any) -> None:
    """An artifact that is not the card's is run by nobody, and every rule on its figures fails with its digest."""
    judgement = ask(module, {"artifact": {"sha256": "ab" * 32}})
    assert "model.onnx is not the file that the card names" in said(judgement)
    assert judgement.findings[0].place.line > 1


FALSE = [
    (recomputed_metrics, {"metrics": None}, "metrics.accuracy is missing"),
    (recomputed_metrics, {"metrics": {"accuracy": {"value": 0.8306}}}, "metrics.accuracy.value is not what"),
    (recomputed_metrics, {"metrics": {"accuracy": {"value": 0.8}}}, "metrics.accuracy.value is not what"),
    (recomputed_metrics, {"metrics": {"accuracy": {"value": 1}}}, "metrics.accuracy.value is not what"),
    (recomputed_metrics, {"metrics": {"accuracy": {"low": None}}}, "metrics.accuracy has no low"),
    (recomputed_metrics, {"metrics": {"accuracy": {"low": 0.80}}}, "metrics.accuracy.low is not what"),
    (recomputed_metrics, {"metrics": {"recall": {"n": 465}}}, "metrics.recall.n is not the number of rows"),
    (recomputed_metrics, {"metrics": {"recall": {"interval": "normal"}}}, "metrics.recall.interval is not the method"),
    (recomputed_metrics, {"metrics": {"f1": {"value": 0.6}}}, "metrics.f1 is not a figure"),
    (recomputed_metrics, {"evaluation": {"confidence": 0.9}}, "metrics.accuracy.low is not what"),
    (recomputed_metrics, {"evaluation": {"calibration_bins": 20}}, "metrics.ece.value is not what"),
    (recomputed_metrics, {"output": {"threshold": 0.4}}, "metrics.recall.value is not what"),
    (recomputed_metrics, {"output": {"positive": "retain"}}, "metrics.recall.value is not what"),
    (thresholds, {"thresholds": None}, "there is no threshold on accuracy"),
    (thresholds, bounds("accuracy", minimum=0.75, reason="n/a"), "threshold on accuracy says nothing"),
    (thresholds, {"thresholds": ALL[1:]}, "there is no threshold on accuracy"),
    (thresholds, {"thresholds": [], "governance_tier": "Low Risk"}, "there is no threshold on accuracy"),
    (thresholds, bounds("accuracy", minimum=0.82), "accuracy does not keep its threshold"),
    (thresholds, bounds("accuracy", minimum=0.73), "the threshold on accuracy is kept without any model"),
    (thresholds, bounds("precision", minimum=0.2), "the threshold on precision is kept without any model"),
    (thresholds, bounds("recall", minimum=0.2), "the threshold on recall is kept without any model"),
    (thresholds, bounds("roc_auc", minimum=0.5), "the threshold on roc_auc is kept without any model"),
    (thresholds, bounds("roc_auc", minimum=None), "the threshold on roc_auc has no minimum"),
    (thresholds, bounds("roc_auc", minimum=None, maximum=0.99), "the threshold on roc_auc has no minimum"),
    (thresholds, {"thresholds": [*ALL, {"metric": "brier", "maximum": 0.2}]}, "threshold on brier is kept without"),
    (thresholds, {"thresholds": [*ALL, {"metric": "f1", "minimum": 0.5}]}, "a threshold is set on f1"),
    (interval_bounds, {**HIGH, "thresholds": [{"metric": "recall", "minimum": 0.53}]}, "keeps its threshold only with"),
    (interval_bounds, {**HIGH, "thresholds": [{"metric": "ece", "maximum": 0.03}]}, "keeps its threshold only with"),
    (interval_bounds, {"evaluation": {"confidence": 0.9999999999999}}, "may be no better than without a model"),
    (sample_size, {"evaluation": {"evaluation_rows": None}}, "is not the number of rows in the evidence"),
    (sample_size, {"evaluation": {"evaluation_rows": 2000}}, "is not the number of rows in the evidence"),
    (sample_size, {**HIGH, "evaluation": {"confidence": 0.999999}}, "the interval of recall is too wide"),
    (previous_version, {"previous_version": "0.9.0"}, "the previous version cannot be compared"),
    (calibration, {"thresholds": [{"metric": "ece", "maximum": 0.02}]}, "further from the outcomes than allowed"),
    (calibration, {"thresholds": [{"metric": "ece", "maximum": 0.2}]}, "cannot be read as probabilities"),
    (calibration, {**HIGH, "thresholds": [{"metric": "ece", "maximum": 0.03}]}, "further from the outcomes"),
    (robustness, {"evaluation": {"robustness": None}}, "does not say how answers change"),
    (robustness, {"evaluation": {"robustness": {"step": 0.01}}}, "the step is too small"),
    (robustness, {"evaluation": {"robustness": {"step": 0.2}}}, "is not what the gate computes"),
    (robustness, {"evaluation": {"robustness": {"maximum": None}}}, "no maximum that means something"),
    (robustness, {"evaluation": {"robustness": {"maximum": 0.5}}}, "no maximum that means something"),
    (robustness, {"evaluation": {"robustness": {"maximum": 0.001}}}, "changes more answers than allowed"),
    (robustness, {"evaluation": {"robustness": {"changed_answers": None}}}, "the share for tenure_months is missing"),
    (robustness, {"evaluation": {"robustness": {"changed_answers": {"contract": {"value": 0}}}}}, "no number that"),
    (robustness, {"evaluation": {"robustness": {"missing_field": "-"}}}, "what happens without a field"),
    (security_assessment, {"evaluation": {"security_assessment": None}}, "there is no security assessment"),
    (security_assessment, {"evaluation": {"security_assessment": {"date": None}}}, "has no date"),
    (security_assessment, {"evaluation": {"security_assessment": {"date": "2026-12-24"}}}, "dated in the future"),
    (security_assessment, {"evaluation": {"security_assessment": {"date": "2026-01-01"}}}, "older than the model"),
    (security_assessment, {"evaluation": {"security_assessment": {"assessor": "TBD"}}}, "nobody is named"),
    (security_assessment, {"evaluation": {"security_assessment": {"poisoning": "none"}}}, "nothing is said of poison"),
    (security_assessment, {"evaluation": {"security_assessment": {"evasion": "Fine here.", "poisoning": "fine here"}}},
     "evasion has the text of poisoning"),
    (overlap, {"evaluation": {"train_rows": None}}, "is not the number of digests"),
    (overlap, {"evaluation": {"train_rows": 5291}}, "is not the number of digests"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "patch", "words"), FALSE)
def test_what_is_missing_or_false_is_found(module: Any, patch: dict[str, Any], words: str) -> None:
    """Besides the key that is gone, the value that is well-formed and not true; the place is a line of the card."""
    judgement = ask(module, patch)
    assert words in said(judgement)
    top = next(iter(patch.values())) is None
    assert all(finding.place.line > 1 or top or "scores.csv" in finding.place.file for finding in judgement.findings)


def test_a_raised_figure_is_named_at_its_line() -> None:
    """The line of the value, what stands there, and what the gate computed."""
    target = figures({"metrics": {"accuracy": {"value": 0.8306}}})
    found = ask(recomputed_metrics, {"metrics": {"accuracy": {"value": 0.8306}}}).findings
    assert [(finding.place, finding.seen, finding.wanted) for finding in found] == [
        (target.at("metrics", "accuracy", "value"), "0.8306", "0.8106103822")
    ]
    line = target.bundle.card_bytes.decode().splitlines()[found[0].place.line - 1]
    assert line.strip() == "value: 0.8306"


@pytest.mark.parametrize("value", [0.81061, 0.8106, 0.811, 0.81])
def test_a_rounded_figure_is_believed(value: float) -> None:
    """Half a unit of the last digit that was written."""
    assert said(ask(recomputed_metrics, {"metrics": {"accuracy": {"value": value}}})) == ""


@pytest.mark.parametrize("value", [0.8107, 0.812, 0.82, 0.8])
def test_a_figure_rounded_the_wrong_way_is_not(value: float) -> None:
    """One unit off in any digit, and one digit alone, are not the figure."""
    assert said(ask(recomputed_metrics, {"metrics": {"accuracy": {"value": value}}}))


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card.replace("\n", "\r\n"),
        lambda card: card.replace("\n", "\r"),
        lambda card: "\ufeff" + card,
        lambda card: card.replace("metrics:\n", "# \u2028\n# \x85\nmetrics:\n", 1),
        lambda card: re.sub(r"  accuracy:\n    value:.*\n", '  accuracy:\n    "value": 0.8107\n', card, count=1),
        lambda card: re.sub(r"  accuracy:\n    value:.*\n", "  accuracy:\n    value: !!float 0.812\n", card, count=1),
        lambda card: re.sub(r"  accuracy:\n    value:.*\n", "  accuracy:\n    value: 0e999999\n", card, count=1),
    ],
    ids=["CRLF", "CR", "BOM", "other breaks", "quoted key", "tag", "exponent"],
)
def test_how_a_figure_is_dressed_makes_it_no_truer(change: Callable[[str], str]) -> None:
    """Line breaks and marks move no figure; a tag in front of it takes the margin of rounding away."""
    whole = bundle()
    text = whole.card_bytes.decode()
    data = change(text).encode()
    card, document = read_card(data, f"{whole.name}/card.yaml")
    changed = structs.replace(whole, card=card, card_bytes=data, document=document)
    judgement = recomputed_metrics.check(recomputed(changed), run(changed))
    assert bool(judgement.findings) is ("value: 0.81061038" not in change(text).replace("\r", "\n"))


def test_scores_that_are_not_the_artifacts_fail() -> None:
    """Recorded scores, recorded answers, and rows that are answered otherwise alone."""
    wrong = Scores(largest_difference=0.3, differing=(4, 9), wrong_answers=(7,))
    text = said(ask(recomputed_metrics, scores=wrong, alone=0.2))
    assert "2 recorded scores are not the artifact's, row 4 first" in text
    assert "1 recorded answers do not follow from their scores" in text
    assert "answers a row differently when it is asked alone" in text


def test_predictions_are_too_little_at_tier_high() -> None:
    """Below it they are a level that the note names."""
    assert "from the model itself" in said(ask(recomputed_metrics, HIGH, level="predictions"))
    assert "from the predictions" in str(ask(recomputed_metrics, level="predictions").note)


def test_too_few_rows_fail() -> None:
    """In all, and of one label."""
    target = measured(figures())
    rare = structs.replace(target.figures, labels={"churn": 49, "retain": 1704})
    assert "with the label churn" in said(ask(sample_size, figures=rare))
    assert "too few evaluation rows (199)" in said(ask(sample_size, rows=199))


def test_a_figure_without_rows_fails() -> None:
    """A model that never answers the positive label has no precision to judge."""
    target = measured(figures())
    without = structs.replace(
        target.figures, metrics={name: item for name, item in target.figures.metrics.items() if name != "precision"}
    )
    assert "precision has no rows to be computed from" in said(ask(interval_bounds, figures=without))


def test_scores_no_better_than_the_base_rate_fail() -> None:
    """However well they are calibrated."""
    target = measured(figures())
    assert "no better than the base rate" in said(ask(calibration, figures=with_metric(target, "brier", value=0.195)))


def _difference(value: float, low: float, high: float) -> Metric:
    return Metric(value=value, low=low, high=high, n=500, interval="stratified bootstrap")


@pytest.mark.parametrize(
    ("metric", "difference", "high", "fails"),
    [
        ("accuracy", _difference(0.02, -0.001, 0.04), False, False),
        ("accuracy", _difference(-0.005, -0.02, 0.01), False, False),
        ("accuracy", _difference(-0.005, -0.02, 0.01), True, True),
        ("accuracy", _difference(-0.011, -0.03, 0.01), False, True),
        ("accuracy", _difference(-0.005, -0.008, -0.001), False, True),
        ("brier", _difference(0.011, -0.01, 0.03), False, True),
        ("brier", _difference(0.005, 0.001, 0.008), False, True),
        ("brier", _difference(-0.05, -0.06, -0.04), True, False),
    ],
)
def test_a_paired_difference_is_judged(metric: str, difference: Metric, high: bool, fails: bool) -> None:
    """Beyond the margin, beyond chance, and at tier high by the unfavourable end; lower is better for Brier."""
    compared = Comparison(version="0.9.0", rows=500, differences={metric: difference}, better=3, worse=5, p_value=0.73)
    target = figures(HIGH if high else None)
    target = structs.replace(target, measured=structs.replace(measured(target), comparison=compared))
    judgement = previous_version.check(target, run(target.bundle))
    assert bool(judgement.findings) == fails
    assert fails or "McNemar p = 0.73" in str(judgement.note)


def test_changes_that_turn_too_many_answers_fail() -> None:
    """Noise, spelling, a hostile move, and rows that get no probabilities at all."""
    target = measured(figures())
    assert target.robustness is not None
    many = Shift(name="noise", flipped=400, rows=1753, valid=True)
    broken = Shift(name="tenure_months at its minimum", flipped=0, rows=1753, valid=False)
    changed = structs.replace(target.robustness, noise=many, spelling=many, worst=many, boundary=(broken,))
    text = said(ask(robustness, robustness=changed))
    assert "noise on all numbers changes too many answers" in text
    assert "capitals and wider spaces changes too many answers" in text
    assert "some rows get no probabilities under: tenure_months at its minimum" in text
    assert "a small hostile change turns too many answers" in said(ask(security_assessment, robustness=changed))


def test_robustness_needs_the_model() -> None:
    """Recorded predictions say nothing of rows that nobody asked."""
    assert "cannot be computed from predictions alone" in said(ask(robustness, robustness=None))


def test_rows_on_both_sides_fail() -> None:
    """The first is named with its line in the file, and a missing list is no list without overlap."""
    judgement = ask(overlap, overlap=(12, 40))
    assert "2 evaluation rows were trained on, row 12 first" in said(judgement)
    assert judgement.findings[0].place.line == 14
    assert "no list of training rows" in said(ask(overlap, training_rows=None))
    assert "whether they were trained on" in said(ask(overlap, level="predictions"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "is not argued"),
        ("n/a", "is not argued"),
        ("Accuracy is what everyone reports.", "does not say why roc_auc matters"),
        ("Accuracy, precision, recall and ECE are what everyone reports.", "does not say why roc_auc matters"),
    ],
)
def test_metrics_that_nobody_argued_for_are_found(text: str | None, words: str) -> None:
    """A placeholder, and a text that is silent on a figure with a threshold."""
    judgement = over_card.ask(appropriateness, {"evaluation": {"appropriateness": text}})
    assert words in said(judgement)


def test_one_text_for_two_questions_is_found() -> None:
    """The text on fairness does not argue for metrics of performance."""
    text = "Accuracy, precision, recall, ROC AUC and ECE matter."
    patch = {"evaluation": {"appropriateness": text}, "fairness": {"appropriateness": text.upper()}}
    assert "the text stands elsewhere on the card" in said(over_card.ask(appropriateness, patch))
    assert over_card.ask(appropriateness).basis is Basis.SELF_REPORTED


def test_figures_cannot_be_waived() -> None:
    """What the gate computed is not open to acceptance; a threshold is."""
    assert not recomputed_metrics.RULE.waivable
    assert recomputed_metrics.RULE.severity is Severity.CRITICAL
    assert thresholds.RULE.waivable
