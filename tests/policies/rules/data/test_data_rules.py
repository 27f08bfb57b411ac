# SPDX-License-Identifier: Apache-2.0
"""DATA rules: datasets that cannot be got again, answers that say nothing, and rows that do not add up are found."""

import copy
import datetime as dt
from typing import Any

import pytest
from msgspec import structs

from policies.rules.data import (
    bias_examination,
    datasets,
    datasheet,
    lawful_basis,
    lineage,
    representativeness,
    retention,
)
from policies.targets.repository import FileCommit
from tests.policies.examples import CARDS, bundle, repository, run
from tests.policies.rules.over_card import ask, said
from tests.policies.rules.over_figures import ask as ask_figures
from tests.policies.rules.over_figures import figures, measured

SHEET = {
    "collection": "every account of the billing system on the last day of the quarter",
    "labelling": "churn if the account was closed in the quarter after",
    "cleaning": "accounts of the test department were dropped",
    "known_gaps": "business accounts are not in the system",
    "representativeness": "home customers of one country",
    "geography": ["California, United States"],
    "bias_examination": "by gender and by senior citizen no group leaves more often than by chance",
}
DATASET = {
    "name": "accounts",
    "role": "training and evaluation",
    "source": "the export of the billing system",
    "version": "2026-10-01",
    "sha256": "863e369c3a03cea2bd20d696e572eb5fb064e04657744504deb7b6249b92f66e",
    "rows": 7043,
    "licence": "own data, not to be passed on",
    "period": "July to September 2026",
    "personal_data": True,
    "lawful_basis": "legitimate interests",
    "impact_assessment": "DPIA 2026-7",
    "retention": "until the version after next",
    "retain_until": "2027-05-31",
    "datasheet": SHEET,
}
OVER_CARD = (datasets, datasheet, lineage, bias_examination, lawful_basis, retention)


def one(**changes: Any) -> dict[str, Any]:
    """A card with one dataset, complete but for the changes; None removes."""
    return {"datasets": [{key: value for key, value in {**DATASET, **changes}.items() if value is not None}]}


def sheet(**changes: Any) -> dict[str, Any]:
    """The same with other answers in its datasheet."""
    return one(datasheet={key: value for key, value in {**SHEET, **changes}.items() if value is not None})


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("module", OVER_CARD, ids=lambda module: module.RULE.id)
def test_the_reference_cards_pass(module: Any, card: str) -> None:
    """Neither has a finding, and a pass says that it rests on the card."""
    judgement = ask(module, card=card)
    assert said(judgement) == ""
    assert judgement.note


@pytest.mark.parametrize("module", OVER_CARD, ids=lambda module: module.RULE.id)
def test_a_complete_dataset_passes(module: Any) -> None:
    """Data on people, with everything that is asked of it."""
    assert said(ask(module, one())) == ""


@pytest.mark.parametrize("module", [item for item in OVER_CARD if item is not lineage], ids=lambda item: item.RULE.id)
@pytest.mark.parametrize("value", [None, []])
def test_without_datasets_nothing_passes(module: Any, value: Any) -> None:
    """A card that names no data has not said anything about it."""
    assert "the card names no dataset" in said(ask(module, {"datasets": value}))


ARTIFACT = "cdd2502063c4ea25670e6679a9d6329a442bcc8e6c1e2c3521dac6f620a9256d"
FALSE = [
    (datasets, one(role=None), "role is missing"),
    (datasets, one(role="TBD"), "role says nothing"),
    (datasets, one(role="training"), "no dataset has the role evaluation"),
    (datasets, one(role="validation"), "no dataset has the role training"),
    (datasets, one(source="n/a"), "source says nothing"),
    (datasets, one(licence=None), "licence is missing"),
    (datasets, one(licence="-"), "licence says nothing"),
    (datasets, one(period=None), "period is missing"),
    (datasets, one(period="2026 to 2031"), "the period reaches into 2031"),
    (datasets, one(version=None), "no version is named"),
    (datasets, one(version="Latest"), "no version is named"),
    (datasets, one(rows=None), "the rows are not counted"),
    (datasets, one(rows=0), "the rows are not counted"),
    (datasets, one(sha256=None), "accounts has no digest"),
    (datasets, one(sha256="0" * 64), "is made up"),
    (datasets, one(sha256=ARTIFACT), "is that of the artifact"),
    (
        datasets,
        {"datasets": [*one()["datasets"], *copy.deepcopy(one(name="others")["datasets"])]},
        "the digest of others is that of accounts",
    ),
    (datasheet, one(datasheet=None), "accounts has no datasheet"),
    (datasheet, sheet(collection=None), "collection is missing"),
    (datasheet, sheet(labelling="see above"), "labelling says nothing"),
    (datasheet, sheet(cleaning=str(SHEET["labelling"]).upper()), "cleaning repeats"),
    (datasheet, sheet(known_gaps="none"), "known_gaps says nothing"),
    (lineage, {"lineage": None}, "from which code the artifact was made is not said"),
    (lineage, {"lineage": {"repository": None}}, "lineage.repository is missing"),
    (lineage, {"lineage": {"recipe": "TBD"}}, "lineage.recipe says nothing"),
    (lineage, {"lineage": {"command": None}}, "lineage.command is missing"),
    (lineage, {"lineage": {"recipe_sha256": None}}, "the recipe is not pinned"),
    (lineage, {"lineage": {"recipe_sha256": ARTIFACT}}, "the digest is not the recipe's"),
    (lineage, {"lineage": {"recipe_sha256": "f" * 64}}, "the digest is not the recipe's"),
    (lineage, {"evaluation": {"train_rows": None}}, "rows of training and evaluation are not counted"),
    (lineage, {"evaluation": {"train_rows": 5291}}, "lists another number of rows"),
    (lineage, {"evaluation": {"evaluation_rows": 1754}}, "are not those of the datasets"),
    (lineage, one(rows=9000), "are not those of the datasets"),
    (bias_examination, sheet(bias_examination=None), "bias_examination is missing"),
    (bias_examination, sheet(bias_examination="TBD"), "bias_examination says nothing"),
    (bias_examination, sheet(bias_examination=SHEET["known_gaps"]), "bias_examination repeats"),
    (bias_examination, sheet(bias_examination="by gender nothing was found"), "figures are given by senior_citizen"),
    (lawful_basis, one(personal_data=None), "whether accounts holds personal data is not said"),
    (lawful_basis, one(lawful_basis=None), "no lawful basis for accounts"),
    (lawful_basis, one(lawful_basis="business need"), "no lawful basis for accounts"),
    (lawful_basis, one(impact_assessment=None), "impact_assessment is missing"),
    (lawful_basis, one(impact_assessment="pending"), "impact_assessment says nothing"),
    (lawful_basis, one(personal_data=False, lawful_basis=None), "the data has gender, senior_citizen of people"),
    (retention, {"retention": {"training_data": None}}, "retention.training_data is missing"),
    (retention, {"retention": {"training_data": "TBD"}}, "retention.training_data says nothing"),
    (retention, one(retention=None), "retention is missing"),
    (retention, one(retain_until=None), "accounts has no day of deletion"),
    (retention, one(retain_until=None, personal_data=None), "accounts has no day of deletion"),
    (retention, one(retain_until="2026-11-23"), "the day of deletion of accounts has passed"),
    (retention, one(retain_until="2026-11-22", personal_data=False), "the day of deletion of accounts has passed"),
]


@pytest.mark.parametrize(("module", "patch", "words"), FALSE)
def test_what_is_missing_or_false_is_found(module: Any, patch: dict[str, Any], words: str) -> None:
    """The key that is gone, and the value that is well-formed and says nothing or something untrue."""
    assert words in said(ask(module, patch))


def test_a_feature_that_is_personal_makes_the_data_personal() -> None:
    """What the card says of its features holds for the rows that they were taken from."""
    whole = bundle()
    features = (structs.replace(whole.card.features[0], pii=True), *whole.card.features[1:])
    card = structs.replace(whole.card, features=features)
    assert "but no dataset is said to hold any" in said(
        lawful_basis.check(structs.replace(whole, card=card), run(whole))
    )


def test_a_day_of_deletion_passes_with_time() -> None:
    """The last day before it is the last on which the rule passes."""
    assert said(ask(retention, one(), as_of=dt.date(2027, 5, 30))) == ""
    assert "has passed" in said(ask(retention, one(), as_of=dt.date(2027, 5, 31)))


def _committed(**fields: Any) -> str:
    target = bundle({"lineage": {"commit": "2" * 40}})
    return said(lineage.check(target, run(target, repository=repository(fields))))


def test_a_recipe_in_the_repository_is_looked_up() -> None:
    """Changes that are not committed, and a commit that is none of the recipe's."""
    recipe = "training/recipes/telco_watson/recipe.py"
    commit = FileCommit(sha="1" * 40, author="a@example.org", committer="a@example.org",
                        time=dt.datetime(2026, 11, 1, tzinfo=dt.UTC))  # fmt: skip
    assert _committed() == ""
    assert "changes that are not committed" in _committed(dirty=[recipe])
    assert "the commit is none of the recipe's" in _committed(history={recipe: [commit]})
    assert _committed(history={recipe: [structs.replace(commit, sha="2" * 40)]}) == ""


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ({"deployment": None}, "deployment.population is missing"),
        ({"deployment": {"population": "n/a"}}, "deployment.population says nothing"),
        ({"deployment": {"geography": None}}, "geography of deployment is missing"),
        ({"deployment": {"geography": ["California, United States", "Kenya"]}}, "no dataset is from Kenya"),
        (sheet(geography=None), "geography of datasets is missing"),
        (sheet(representativeness=None), "representativeness is missing"),
        (sheet(representativeness="unknown"), "representativeness says nothing"),
        ({"governance_tier": "High Risk"}, "a model is evaluated on those it is for"),
    ],
)
def test_whom_the_model_is_for_is_compared_with_whom_it_saw(patch: dict[str, Any], words: str) -> None:
    """Places that no data is from, and populations that nobody named."""
    assert words in said(ask_figures(representativeness, patch))


def test_shares_of_labels_are_compared() -> None:
    """Evaluation rows with other shares than training, and no baseline to compare with."""
    target = measured(figures())
    skewed = structs.replace(target.figures, labels={"churn": 700, "retain": 1053})
    assert "another share of churn" in said(ask_figures(representativeness, figures=skewed))
    assert "no drift baseline" in said(ask_figures(representativeness, training_labels=None))
    assert said(ask_figures(representativeness)) == ""
    assert said(ask_figures(representativeness, card="telecom-churn")) == ""
