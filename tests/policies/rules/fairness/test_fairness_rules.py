# SPDX-License-Identifier: Apache-2.0
"""FAIR rules: figures by group that are missing, false, too far apart or from too few rows are found."""

from typing import Any

import pytest
from msgspec import structs

from contracts.model_card_evidence import AttributeFairness, GroupFigures, Metric
from policies.recomputation.intervals import wilson
from policies.recomputation.recomputation import Measured
from policies.rules.fairness import (
    chosen_metric,
    demographic_parity,
    equal_opportunity,
    equalized_odds,
    figures_by_group,
    four_fifths,
    group_size,
    intersections,
    special_categories,
)
from tests.policies.examples import run
from tests.policies.rules import over_card
from tests.policies.rules.over_card import said
from tests.policies.rules.over_figures import ask, figures, measured

HIGH = {"governance_tier": "High Risk"}
OVER_FIGURES = (
    figures_by_group, four_fifths, demographic_parity, equalized_odds, equal_opportunity, group_size, intersections,
)  # fmt: skip
SENIOR = "senior_citizen"


def bound(metric: str, attribute: str = SENIOR, **changes: Any) -> dict[str, Any]:
    """A card with one threshold on a figure by group."""
    return {"thresholds": [{"metric": metric, "attribute": attribute, "reason": "set for this test", **changes}]}


@pytest.mark.parametrize("module", [item for item in OVER_FIGURES if item is not four_fifths],
                         ids=lambda module: module.RULE.id)  # fmt: skip
def test_the_reference_card_passes(module: Any) -> None:
    """All but the four-fifths rule, which is waived for it."""
    judgement = ask(module)
    assert said(judgement) == ""
    assert judgement.note


@pytest.mark.parametrize("module", OVER_FIGURES, ids=lambda module: module.RULE.id)
def test_nothing_is_asked_where_nobody_is_in_the_data(module: Any) -> None:
    """Synthetic accounts without a protected attribute, and a card that says so."""
    judgement = ask(module, card="telecom-churn")
    assert "no dataset holds data on people" in str(judgement.not_applicable)


UNMEASURED = [
    ({"datasets": None}, "the card names no dataset"),
    ({"datasets": [{"name": "customers"}]}, "or does not say that it holds none"),
    ({"datasets": [{"name": "customers", "personal_data": True}]}, "customers holds data on people"),
    ({"fairness": None}, "the card does not say why"),
    ({"fairness": {"not_measured": None}}, "the card does not say why"),
    ({"fairness": {"not_measured": "N/A"}}, "the card does not say why"),
    ({"fairness": {"attributes": {"gender": {}}}}, "the evidence has no groups"),
]


@pytest.mark.parametrize(("patch", "words"), UNMEASURED)
@pytest.mark.parametrize("module", OVER_FIGURES, ids=lambda module: module.RULE.id)
def test_going_without_figures_is_no_way_out(module: Any, patch: dict[str, Any], words: str) -> None:
    """Data on people, silence about it, and figures without evidence fail every rule of the family."""
    judgement = ask(module, patch, "telecom-churn")
    assert words in said(judgement)
    assert judgement.not_applicable is None


def test_a_feature_that_reads_like_a_protected_attribute_is_asked_about() -> None:
    """Whatever the datasets say."""
    target = figures(card="telecom-churn")
    features = (structs.replace(target.card.features[0], name="customer_age"), *target.card.features[1:])
    card = structs.replace(target.card, features=features)
    target = structs.replace(target, bundle=structs.replace(target.bundle, card=card))
    judgement = figures_by_group.check(target, run(target.bundle))
    assert "customer_age reads like a protected attribute" in said(judgement)


FALSE = [
    (figures_by_group, {SENIOR: None}, "no figures for senior_citizen"),
    (figures_by_group, {"gender": {"groups": None}}, "other groups in the evidence"),
    (figures_by_group, {"gender": {"groups": {"female": None}}}, "other groups in the evidence"),
    (figures_by_group, {"gender": {"groups": {"other": {"n": 1, "positives": 0}}}}, "other groups in the evidence"),
    (figures_by_group, {"gender": {"groups": {"female": {"n": 857}}}}, "female.n is not what the evidence has"),
    (figures_by_group, {"gender": {"groups": {"male": {"positives": 1}}}}, "male.positives is not what"),
    (figures_by_group, {SENIOR: {"groups": {"yes": {"selection_rate": None}}}}, "selection_rate is missing"),
    (
        figures_by_group,
        {SENIOR: {"groups": {"yes": {"selection_rate": {"value": 0.2}}}}},
        "selection_rate.value is not",
    ),
    (
        figures_by_group,
        {SENIOR: {"demographic_parity_ratio": {"value": 0.81}}},
        "demographic_parity_ratio.value is not",
    ),
    (figures_by_group, {SENIOR: {"equal_opportunity_difference": None}}, "equal_opportunity_difference is missing"),
    (figures_by_group, {SENIOR: {"equalized_odds_difference": {"high": 0.2}}}, "equalized_odds_difference.high is not"),
    (figures_by_group, {"region": {}}, "the evidence has no groups of region"),
    (intersections, {"gender and senior_citizen": None}, "no figures for gender and senior_citizen"),
    (intersections, {"gender and senior_citizen": {"groups": {"male, yes": {"n": 5}}}}, "male, yes.n is not what"),
    (intersections, {"gender and senior_citizen": {"equalized_odds_difference": {"value": 0.1}}}, "is not what"),
]


@pytest.mark.parametrize(("module", "attributes", "words"), FALSE)
def test_a_figure_by_group_that_is_missing_or_false_is_found(
    module: Any, attributes: dict[str, Any], words: str
) -> None:
    """With the line of the card on which it stands, or should."""
    judgement = ask(module, {"fairness": {"attributes": attributes}})
    assert words in said(judgement)
    assert all(finding.place.line > 1 for finding in judgement.findings)


def test_the_way_in_which_gaps_are_taken_is_said() -> None:
    """Between groups and against everyone are different figures; and which label counts decides all of them."""
    assert "fairness.method is missing" in said(ask(figures_by_group, {"fairness": {"method": None}}))
    other = said(ask(figures_by_group, {"fairness": {"selected_label": "retain"}}))
    assert "selection_rate.value is not what" in other
    nobody = said(ask(figures_by_group, {"fairness": {"selected_label": "maybe"}}))
    assert "which label counts as selected is not said" in nobody


BOUNDS = [
    (demographic_parity, "demographic_parity_difference", "selection rate"),
    (equalized_odds, "equalized_odds_difference", "their rates of error"),
    (equal_opportunity, "equal_opportunity_difference", "how often they are found"),
]


@pytest.mark.parametrize(("module", "metric", "words"), BOUNDS)
def test_a_gap_is_bounded_with_or_without_the_card(module: Any, metric: str, words: str) -> None:
    """0.10 without a threshold; a stricter one of the card counts, a wider one needs a reason and has an end."""
    far = f"the groups of senior_citizen are too far apart in {words}"
    assert far in said(ask(module, {"thresholds": None}))
    assert far in said(ask(module, bound(metric, maximum=0.12)))
    assert said(ask(module, bound(metric, maximum=0.25))) == ""
    assert "without a reason" in said(ask(module, bound(metric, maximum=0.25, reason="TBD")))
    assert "allows too much" in said(ask(module, bound(metric, maximum=0.9)))
    assert far not in said(ask(module, bound(metric, maximum=0.9, attribute="gender"))).split("allows too much")[0]
    assert "cannot fail" in said(ask(module, bound(metric)))
    assert "cannot fail" in said(ask(module, bound(metric, minimum=0.0)))
    assert "gender are too far apart" in said(ask(module, bound(metric, attribute="gender", maximum=0.005)))


@pytest.mark.parametrize(("module", "metric", "words"), BOUNDS)
def test_at_tier_high_the_end_of_the_interval_counts(module: Any, metric: str, words: str) -> None:
    """The value keeps the bound, the upper end does not."""
    found = figures()
    high = getattr(measured(found).figures.fairness[SENIOR], metric).high
    value = getattr(measured(found).figures.fairness[SENIOR], metric).value
    maximum = min(0.25, (value + high) / 2)
    assert said(ask(module, bound(metric, maximum=maximum))) == ""
    assert f"too far apart in {words}" in said(ask(module, {**HIGH, **bound(metric, maximum=maximum)}))


def _of(groups: dict[str, tuple[int, int]], positives: int = 40) -> AttributeFairness:
    """Groups by (rows, selected)."""
    made = {
        name: GroupFigures(n=n, positives=positives, selection_rate=wilson(selected, n, 0.95))
        for name, (n, selected) in groups.items()
    }
    rates = [selected / n for n, selected in groups.values()]
    value = min(rates) / max(rates)
    ratio = Metric(value=value, low=value - 0.05, high=value + 0.05, n=1000, interval="stratified bootstrap")
    return AttributeFairness(groups=made, demographic_parity_ratio=ratio)


def _with(attribute: AttributeFairness) -> dict[str, Any]:
    found: Measured = measured(figures())
    return {"figures": structs.replace(found.figures, fairness={"group": attribute}), "attributes": ("group",)}


def test_four_fifths_are_four_fifths() -> None:
    """0.80 passes, less does not, and at tier high the lower end of the interval decides."""
    assert said(ask(four_fifths, **_with(_of({"a": (500, 100), "b": (500, 125)})))) == ""
    assert "a is selected 19.8%, b 25.0%" in said(ask(four_fifths, **_with(_of({"a": (500, 99), "b": (500, 125)}))))
    assert "is selected" in said(ask(four_fifths, HIGH, **_with(_of({"a": (500, 101), "b": (500, 125)}, 60))))
    stricter = bound("demographic_parity_ratio", "group", minimum=0.9)
    assert "is selected" in said(ask(four_fifths, stricter, **_with(_of({"a": (500, 100), "b": (500, 125)}))))
    milder = bound("demographic_parity_ratio", "group", minimum=0.2)
    assert "is selected" in said(ask(four_fifths, milder, **_with(_of({"a": (500, 90), "b": (500, 125)}))))


def test_the_reference_card_needs_its_waiver() -> None:
    """Seniors are selected more than twice as often, beyond chance, and only that attribute fails."""
    judgement = ask(four_fifths)
    assert [finding.message for finding in judgement.findings] == ["senior_citizen: no is selected 17.8%, yes 40.1%"]


@pytest.mark.parametrize("module", [four_fifths, demographic_parity, equalized_odds, equal_opportunity, group_size],
                         ids=lambda module: module.RULE.id)  # fmt: skip
def test_small_groups_are_insufficient_evidence(module: Any) -> None:
    """Too few rows, too few of one label, and one group alone are failures even where no gap is to be seen."""
    alike = _of({"a": (99, 33), "b": (600, 200)})
    assert "insufficient evidence" in said(ask(module, **_with(alike)))
    rare = _of({"a": (600, 200), "b": (600, 200)}, positives=29)
    assert "insufficient evidence" in said(ask(module, **_with(rare)))
    alone = AttributeFairness(groups={"a": GroupFigures(n=1753, positives=464)})
    assert "insufficient evidence" in said(ask(module, **_with(alone)))


def test_tier_high_asks_for_larger_groups_also_where_attributes_meet() -> None:
    """136 senior men are enough for a report below tier high, and too few at it."""
    assert "male, yes of gender and senior_citizen is too small" in said(ask(group_size, HIGH))
    found = measured(figures())
    few = {**found.figures.fairness, "gender and senior_citizen": _of({"a": (29, 5), "b": (900, 100)})}
    changed = structs.replace(found.figures, fairness=few)
    assert "the group a of gender and senior_citizen is too small" in said(ask(group_size, figures=changed))


def test_one_attribute_meets_no_other() -> None:
    """The rule on pairs asks nothing of it."""
    assert "the only protected attribute" in str(
        ask(intersections, **_with(_of({"a": (9, 3), "b": (9, 3)}))).not_applicable
    )


ETHNICITY = {"name": "ethnicity", "type": "category", "values": ["a", "b"]}
ITEM = {"attribute": "ethnicity", "basis": "GDPR Article 9(2)(j)", "alternatives": "synthetic rows showed no bias",
        "deletion": "2027-03-01"}  # fmt: skip


def special(**changes: Any) -> dict[str, Any]:
    """A card with a special category and what it says of it."""
    return {"features": [ETHNICITY], "fairness": {"special_categories": [{**ITEM, **changes}]}}


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ({"features": [ETHNICITY]}, "the card has no basis for it"),
        ({"features": [{**ETHNICITY, "name": "health_status"}]}, "health_status is special-category data"),
        ({"fairness": {"attributes": {"religion": {}}}}, "religion is special-category data"),
        ({"fairness": {"special_category_basis": None}}, "why the protected attributes need no basis"),
        ({"fairness": {"special_category_basis": "none"}}, "why the protected attributes need no basis"),
        ({"fairness": {"special_categories": [ITEM]}}, "for data that the card does not use"),
        (special(basis=None), "no legal basis for ethnicity"),
        (special(basis="business need"), "no legal basis for ethnicity"),
        (special(alternatives="n/a"), "why ethnicity cannot be replaced"),
        (special(deletion=None), "no day of deletion ahead"),
        (special(deletion="2026-11-23"), "no day of deletion ahead"),
    ],
)
def test_special_categories_need_a_basis(patch: dict[str, Any], words: str) -> None:
    """Passed over, given for nothing, without alternatives, or for ever."""
    assert words in said(over_card.ask(special_categories, patch))


def test_a_special_category_with_its_basis_passes() -> None:
    """And a card without any protected attribute is asked nothing."""
    assert said(over_card.ask(special_categories, special())) == ""
    assert over_card.ask(special_categories, card="telecom-churn").not_applicable


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ({"fairness": {"appropriateness": None}}, "the choice of fairness is not argued"),
        ({"fairness": {"appropriateness": "TBD"}}, "the choice of fairness is not argued"),
        ({"fairness": {"appropriateness": "Our board has approved it."}}, "none of the figures that are bounded"),
        ({"thresholds": None}, "no gap between the groups of gender is bounded"),
        (bound("equal_opportunity_difference", "gender", maximum=0.1), "groups of senior_citizen is bounded"),
        (bound("equal_opportunity_difference", "region", maximum=0.1), "that was not measured"),
        (bound("calibration_gap", maximum=0.1), "that was not measured"),
        (bound("equal_opportunity_difference", maximum=0.1, reason=None), "has no reason"),
        ({"thresholds": [*bound("demographic_parity_difference", "gender", maximum=0.1)["thresholds"],
                         *bound("demographic_parity_difference", maximum=0.1)["thresholds"]]},
         "the reason is that of threshold 1"),
    ],
)  # fmt: skip
def test_fairness_that_nobody_argued_for_is_found(patch: dict[str, Any], words: str) -> None:
    """A placeholder, a text beside the point, an attribute without a bound, one reason for all."""
    assert words in said(over_card.ask(chosen_metric, patch))


@pytest.mark.parametrize("card", ["telco-watson", "telecom-churn"])
def test_the_reference_cards_argue(card: str) -> None:
    """With figures and without."""
    assert said(over_card.ask(chosen_metric, card=card)) == ""
