# SPDX-License-Identifier: Apache-2.0
"""Judge one kind of gap for every protected attribute: value, interval at tier high, small groups, the card's bound."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from contracts.model_card_evidence import AttributeFairness, Metric, Threshold
from policies.classification import Tier, strictest_tier
from policies.recomputation.recomputation import Measured, Recomputation
from policies.rules.fairness.asked import asked, too_small
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.text import says_nothing


class Gap(NamedTuple):
    """A gap between groups that is better when smaller, and how large it may be."""

    metric: str
    words: str
    limit: float
    """Where the card sets none."""
    most: Callable[[AttributeFairness], float]
    """The largest bound that a card may set with a reason, given the figures of the attribute."""


def labels_apart(figures: AttributeFairness) -> float:
    """How far the groups are apart in the labels themselves, whatever the model does."""
    rates = [group.positives / group.n for group in (figures.groups or {}).values()]
    return max(rates) - min(rates)


def judge_gap(target: Recomputation, gap: Gap) -> Judgement:
    """Judge the gap for every protected attribute; pairs of attributes are only reported."""
    measured, otherwise = asked(target)
    if measured is None:
        assert otherwise is not None
        return otherwise
    note = "; ".join(
        f"{attribute} {figure.value:.4f}"
        for attribute in measured.attributes
        if (figure := getattr(measured.figures.fairness[attribute], gap.metric)) is not None
    )
    return judged(_findings(target, measured, gap), verified(f"{gap.words}: {note}"))


def _findings(target: Recomputation, measured: Measured, gap: Gap) -> Iterator[Finding]:
    for attribute in measured.attributes:
        figures = measured.figures.fairness[attribute]
        yield from insufficient(target, attribute, figures, gap.metric)
        limit = gap.limit
        for place, threshold in thresholds(target, gap.metric, attribute):
            yield from _unreasonable(target, place, threshold, gap, figures)
            if threshold.maximum is not None:
                limit = min(threshold.maximum, max(gap.limit, gap.most(figures)))
        figure: Metric | None = getattr(figures, gap.metric)
        if figure is not None and reached(target, figure) > limit:
            yield Finding(
                place=target.at("fairness", "attributes", attribute, gap.metric),
                message=f"the groups of {attribute} are too far apart in {gap.words}",
                seen=f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})",
                wanted=f"at most {limit:g}",
            )


def reached(target: Recomputation, figure: Metric) -> float:
    """The value, at tier high the unfavourable end of the interval."""
    high = figure.high if strictest_tier(target.card) is Tier.HIGH else None
    return figure.value if high is None else high


def insufficient(target: Recomputation, attribute: str, figures: AttributeFairness, metric: str) -> Iterator[Finding]:
    """A finding where the groups are too few or too small for the gap to be known."""
    place = target.at("fairness", "attributes", attribute)
    if getattr(figures, metric) is None:
        yield Finding(
            place=place,
            message=f"insufficient evidence: fewer than two groups of {attribute} have the rows for {metric}",
            seen=", ".join(figures.groups or ()),
            wanted="at least two groups",
        )
    for group, seen in too_small(target, figures.groups):
        yield Finding(
            place=place,
            message=f"insufficient evidence: the group {group} of {attribute} is too small for {metric}",
            seen=seen,
            wanted="rows enough, as FAIR-006 counts them",
        )


def thresholds(target: Recomputation, metric: str, attribute: str) -> Iterator[tuple[int, Threshold]]:
    """The card's thresholds on a metric of an attribute, with their places."""
    for place, threshold in enumerate(target.card.thresholds or ()):
        if (threshold.metric, threshold.attribute) == (metric, attribute):
            yield place, threshold


def _unreasonable(
    target: Recomputation, place: int, threshold: Threshold, gap: Gap, figures: AttributeFairness
) -> Iterator[Finding]:
    at = target.at("thresholds", place, "maximum")
    most = max(gap.limit, gap.most(figures))
    if threshold.maximum is None:
        yield Finding(place=at, message=f"the threshold on {gap.metric} cannot fail", wanted="a maximum")
    elif threshold.maximum > most:
        yield Finding(
            place=at,
            message=f"the threshold on {gap.metric} of {threshold.attribute} allows too much",
            seen=f"{threshold.maximum:g}",
            wanted=f"at most {most:.4g}",
        )
    elif threshold.maximum > gap.limit and says_nothing(threshold.reason):
        yield Finding(
            place=target.at("thresholds", place, "reason"),
            message=f"a threshold above {gap.limit:g} is set without a reason",
            seen=threshold.reason,
            wanted="why this use can live with the gap",
        )
