# SPDX-License-Identifier: Apache-2.0
"""What came out of computing a card's figures again: the target of the rules on performance and fairness.

Plain data without arrays, so that a rule needs no numerical library. `measured` is None where nothing could be
computed; `problems` then says why, and no rule may pass for want of a figure. docs/figures.md defines every figure.
"""

from typing import Literal

from msgspec import Struct

from contracts.model_card import ModelCard
from contracts.model_card_evidence import AttributeFairness, Metric
from policies.place import Place
from policies.rules.judgement import Finding, Judgement, failed
from policies.targets.bundle import BundleTarget

Level = Literal["model", "predictions"]


class Scores(Struct, frozen=True, kw_only=True):
    """How the recorded scores agree with the artifact and with themselves. Rows count from 0."""

    largest_difference: float
    """Between a recorded probability and the artifact's; 0 where the artifact was not run."""
    differing: tuple[int, ...]
    """Rows whose probabilities differ by more than `DIFFERENCE`."""
    wrong_answers: tuple[int, ...]
    """Rows whose recorded answer is not what their recorded probabilities mean."""


DIFFERENCE = 1e-6
"""Largest difference of probabilities that another machine's rounding explains."""


class Shift(Struct, frozen=True, kw_only=True):
    """What a change of the inputs did to the answers."""

    name: str
    flipped: int
    rows: int
    valid: bool
    """Whether every row still got finite probabilities."""

    @property
    def share(self) -> float:
        """Of the rows, how many were answered differently."""
        return self.flipped / self.rows


class Robustness(Struct, frozen=True, kw_only=True):
    """The answers under changed inputs, from the artifact. A change that no feature allows is absent."""

    noise: Shift | None = None
    """Every number moved at random."""
    spelling: Shift | None = None
    """Every text in capitals, with wider spaces."""
    worst: Shift | None = None
    """Every number moved a little in the direction that speaks against the answer."""
    moved: tuple[Shift, ...] = ()
    """One number of all rows moved up and down by the card's own step, by feature; empty where the card has no step."""
    boundary: tuple[Shift, ...] = ()
    """One feature of all rows at its lower or upper bound, as if its value had been lost; by feature and bound."""


class Comparison(Struct, frozen=True, kw_only=True):
    """This version against the one before, on the same rows: differences are this minus that."""

    version: str
    rows: int
    differences: dict[str, Metric]
    better: int
    """Rows that only this version answers rightly."""
    worse: int
    """Rows that only the version before answers rightly."""
    p_value: float
    """Exact two-sided McNemar test of `better` against `worse`."""


class Figures(Struct, frozen=True, kw_only=True):
    """Every figure, as a card declares them, and the counts behind them."""

    metrics: dict[str, Metric]
    fairness: dict[str, AttributeFairness]
    labels: dict[str, int]
    """Rows by true label."""
    answers: dict[str, int]
    """Rows by answer."""


class Measured(Struct, frozen=True, kw_only=True):
    """Everything that was computed."""

    level: Level
    """What the figures were computed from."""
    rows: int
    figures: Figures
    scores: Scores | None = None
    """None where the bundle records no scores."""
    alone: float | None = None
    """Largest change of a probability when a row is asked alone and not among others; None without the artifact."""
    robustness: Robustness | None = None
    """None without the artifact."""
    attributes: tuple[str, ...] = ()
    """Protected attributes of the evaluation rows."""
    training_rows: int | None = None
    """Rows that the list of training rows holds; None where there is no list."""
    training_labels: dict[str, float] | None = None
    """Share of each label among the training rows, as the drift baseline has it; None where there is none."""
    overlap: tuple[int, ...] = ()
    """Evaluation rows that are among the training rows."""
    comparison: Comparison | None = None
    """None for a first release, and where `Recomputation.comparison_problem` says why."""


class Recomputation(Struct, frozen=True, kw_only=True):
    """A bundle and what its artifact and evidence really give."""

    bundle: BundleTarget
    measured: Measured | None = None
    problems: tuple[Finding, ...] = ()
    """Why nothing could be measured; never empty where `measured` is None."""
    comparison_problem: Finding | None = None
    """Why there is no comparison though there is an earlier version."""

    @property
    def name(self) -> str:
        """The bundle's folder as the user named it."""
        return self.bundle.name

    @property
    def card(self) -> ModelCard:
        """The bundle's card."""
        return self.bundle.card

    def at(self, *path: str | int) -> Place:
        """Where a value of the card stands; for a key that is missing, where its parent does."""
        return self.bundle.at(*path)


def without_figures(target: Recomputation) -> Judgement:
    """Give the failure of every rule that needs a figure where there is none."""
    first = target.problems[0]
    return failed(
        Finding(
            place=first.place,
            message=f"no figure could be computed again: {first.message}",
            seen=first.seen,
            wanted=first.wanted,
            mend=first.mend,
        )
    )
