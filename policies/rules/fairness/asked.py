# SPDX-License-Identifier: Apache-2.0
"""Whether fairness has to be measured at all, and which groups are large enough to say anything.

A card may go without figures only where no dataset holds data on people, no feature is a protected attribute, and the
card says why nothing was measured. Everything else without figures is a failure, never a rule that does not apply.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from contracts.model_card import ModelCard
from contracts.model_card_evidence import GroupFigures
from policies.classification import Tier, strictest_tier
from policies.recomputation.recomputation import Measured, Recomputation, without_figures
from policies.rules.judgement import Finding, Judgement, failed, not_applicable
from policies.rules.text import plain, says_nothing

PROTECTED: Final = frozenset(
    {
        "age", "birth", "birthday", "birthdate", "citizen", "citizenship", "color", "colour", "disability", "disabled",
        "ethnic", "ethnicity", "female", "gender", "language", "male", "marital", "nationality", "origin", "parental",
        "pregnancy", "pregnant", "race", "religion", "religious", "senior", "sex", "sexual", "skin",
    }
)  # fmt: skip
"""Words by which a feature is taken for a protected attribute."""


class Least(NamedTuple):
    """The rows below which a group says nothing reliable."""

    rows: int
    of_each_label: int


LEAST: Final = {Tier.LOW: Least(100, 30), Tier.MEDIUM: Least(100, 30), Tier.HIGH: Least(200, 50)}


def asked(target: Recomputation) -> tuple[Measured, None] | tuple[None, Judgement]:
    """What was measured by group, or the judgement where there is nothing to measure it on."""
    measured = target.measured
    if measured is None:
        return None, without_figures(target)
    fairness = target.card.fairness
    declared = fairness.attributes if fairness is not None else None
    if measured.figures.fairness:
        return measured, None
    place = target.at("fairness", "selected_label" if measured.attributes else "attributes")
    if measured.attributes:
        seen = fairness.selected_label if fairness is not None else None
        return None, failed(
            Finding(
                place=place,
                message="which label counts as selected is not said, so no figure by group can be computed",
                seen=seen,
                wanted=f"`selected_label`, one of {', '.join(target.card.output.labels)}",
            )
        )
    if declared:
        return None, failed(
            Finding(
                place=place,
                message="the evidence has no groups, so no figure by group can be computed",
                seen=f"figures for {', '.join(declared)}",
                wanted="`- file: evidence/groups.csv` with its digest",
            )
        )
    return None, _unmeasured(target)


def _unmeasured(target: Recomputation) -> Judgement:
    reasons = tuple(why_people(target.card))
    if not reasons:
        said = target.card.fairness.not_measured if target.card.fairness else ""
        return not_applicable(f"no dataset holds data on people, and the card says: {said}")
    return failed(
        *(
            Finding(
                place=target.at("fairness"),
                message=f"no fairness was measured although {reason}",
                wanted="figures by group for each protected attribute, or why none can exist",
            )
            for reason in reasons
        )
    )


def why_people(card: ModelCard) -> Iterator[str]:
    """Every reason on the card for which going without fairness figures is not accepted."""
    if not card.datasets:
        yield "the card names no dataset"
    for dataset in card.datasets or ():
        if dataset.personal_data is not False:
            yield f"the dataset {dataset.name} holds data on people, or does not say that it holds none"
    for feature in card.features:
        if PROTECTED & set(plain(feature.name).split()):
            yield f"the feature {feature.name} reads like a protected attribute"
    if card.fairness is None or says_nothing(card.fairness.not_measured):
        yield "the card does not say why (`fairness.not_measured`)"


def too_small(target: Recomputation, groups: dict[str, GroupFigures] | None) -> Iterator[tuple[str, str]]:
    """Each group with too few rows of its own or of one label, and how many it has."""
    least = LEAST[strictest_tier(target.card)]
    for name, group in (groups or {}).items():
        rarest = min(group.positives, group.n - group.positives)
        if group.n < least.rows or rarest < least.of_each_label:
            yield name, f"{group.n} rows, {rarest} of the rarer label"
