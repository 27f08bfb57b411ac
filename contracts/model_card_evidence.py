# SPDX-License-Identifier: Apache-2.0
"""The parts of a model card that are measured: datasets, metrics with intervals, fairness, thresholds, files.

Training writes them; the gate computes them again. Only what identifies a file is required: a missing claim is a
finding of a rule, not a card that cannot be read.
"""

import datetime as dt
from typing import Annotated, Literal

from msgspec import Meta, Struct

from contracts.model_card_assurance import Robustness, SecurityAssessment, Validation
from contracts.model_card_figure import Count, Metric
from contracts.model_card_serving import FilePath, Sha256, Text

__all__ = ["AttributeFairness", "Count", "Dataset", "Evaluation", "EvidenceFile", "Fairness", "Metric", "Threshold"]


class Datasheet(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a dataset came to be, and what it does not show (AI Act Annex IV 2(d))."""

    collection: Text | None = None
    labelling: Text | None = None
    cleaning: Text | None = None
    known_gaps: Text | None = None
    representativeness: Text | None = None
    geography: tuple[Text, ...] | None = None
    """Where the people or things in the data are, or were."""
    bias_examination: Text | None = None


class Dataset(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One dataset: which bytes, in which role, under which terms."""

    name: Text
    role: Text | None = None
    source: Text | None = None
    version: Text | None = None
    sha256: Sha256 | None = None
    rows: Count | None = None
    licence: Text | None = None
    period: Text | None = None
    personal_data: bool | None = None
    lawful_basis: Text | None = None
    impact_assessment: Text | None = None
    retention: Text | None = None
    retain_until: dt.date | None = None
    """The day by which the rows are deleted, where there is one."""
    datasheet: Datasheet | None = None


class Equivalence(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far the artifact's probabilities were from the fitted pipeline's, over every evaluation row."""

    reference: Text
    rows: Count
    max_difference: Annotated[float, Meta(ge=0)]
    tolerance: Annotated[float, Meta(gt=0)]


class Evaluation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The run that the figures come from: enough to make it again."""

    date: dt.date
    recomputable_from: Literal["model", "predictions"] | None = None
    split: Text | None = None
    train_rows: Count | None = None
    evaluation_rows: Count | None = None
    seed: Count | None = None
    confidence: Annotated[float, Meta(gt=0, lt=1)] | None = None
    resamples: Count | None = None
    calibration_bins: Count | None = None
    equivalence: Equivalence | None = None
    libraries: dict[str, Text] | None = None
    lock_sha256: Sha256 | None = None
    """Of the lock file that the libraries were installed from."""
    image: Text | None = None
    """Digest of the container image that training ran in, where it ran in one."""
    appropriateness: Text | None = None
    validation: Validation | None = None
    robustness: Robustness | None = None
    security_assessment: SecurityAssessment | None = None


class GroupFigures(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One group of a protected attribute. A rate is absent where the group has no row to take it over."""

    n: Count
    positives: Count
    selection_rate: Metric | None = None
    true_positive_rate: Metric | None = None
    false_positive_rate: Metric | None = None


class AttributeFairness(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The gaps between the groups of one attribute, and the groups."""

    demographic_parity_difference: Metric | None = None
    demographic_parity_ratio: Metric | None = None
    equalized_odds_difference: Metric | None = None
    equal_opportunity_difference: Metric | None = None
    groups: dict[str, GroupFigures] | None = None


class SpecialCategory(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Special-category data used to examine bias (AI Act Article 4a, GDPR Article 9, POPIA sections 26 and 27)."""

    attribute: Text
    basis: Text | None = None
    alternatives: Text | None = None
    """Why other data, synthetic or anonymised, would not do."""
    deletion: dt.date | None = None


class Fairness(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Fairness of the answers by protected attribute, or why none was measured."""

    evaluation_date: dt.date | None = None
    method: Literal["between_groups"] | None = None
    selected_label: Text | None = None
    attributes: dict[str, AttributeFairness] | None = None
    not_measured: Text | None = None
    appropriateness: Text | None = None
    special_category_basis: Text | None = None
    """Why none was needed, where no special-category data was used."""
    special_categories: tuple[SpecialCategory, ...] | None = None


class Threshold(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A bound that a metric was required to keep, written before the evaluation ran."""

    metric: Text
    attribute: Text | None = None
    minimum: float | None = None
    maximum: float | None = None
    reason: Text | None = None


class EvidenceFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file of the bundle that the figures rest on."""

    file: FilePath
    sha256: Sha256
    content: Text
    rows: Count | None = None
