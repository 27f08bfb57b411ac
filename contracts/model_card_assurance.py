# SPDX-License-Identifier: Apache-2.0
"""The parts of a model card that bear out the rest: validation, robustness, security, lineage, papers, privacy.

Nearly everything is optional, so that an absent answer is a finding of the rule that asks for it. `changed_answers` is
measured by training and computed again by the gate; the rest is what people say.
"""

import datetime as dt
from typing import Annotated

from msgspec import Meta, Struct

from contracts.model_card_figure import Metric
from contracts.model_card_serving import Sha256, Text


class Validation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A report on whether the model is fit for its use: where it stands, who wrote it and when.

    `report` is an evidence file of the bundle, or a place outside that cannot be checked from here.
    """

    report: Text
    date: dt.date | None = None
    validator: Text | None = None
    independent: bool | None = None
    """Whether nobody who built the model took part."""


class Robustness(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How often the answer changes when one number of an evaluation row moves a little.

    Each number and integer feature is moved alone, up and down by `step` standard deviations of the training rows (as
    in the drift baseline; for integers rounded to a whole number, half to even, and at least 1), and kept within the
    card's bounds. `changed_answers` is for each feature the share of evaluation rows whose label differs from that of
    the row itself in either direction.
    """

    step: Annotated[float, Meta(gt=0)]
    maximum: Annotated[float, Meta(ge=0, le=1)] | None = None
    """The largest share that was allowed, set before the evaluation."""
    changed_answers: dict[str, Metric] | None = None
    missing_field: Text | None = None
    """What happens when a request lacks a field."""


class SecurityAssessment(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was found on attacks against the model, attack by attack (AI Act Article 15(5))."""

    date: dt.date | None = None
    assessor: Text | None = None
    poisoning: Text | None = None
    """Of the training data or of parts taken from others."""
    evasion: Text | None = None
    """Inputs made to be answered wrongly."""
    confidentiality: Text | None = None
    """Extraction of the model, and inference of its training rows."""


class Lineage(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From which code the artifact was made: with datasets, seed and libraries this closes the way back."""

    repository: Text | None = None
    commit: Annotated[str, Meta(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$(?!\n)")] | None = None
    recipe: Text | None = None
    """The file whose code loads the data and fits the model, from the root of the repository."""
    recipe_sha256: Sha256 | None = None
    command: Text | None = None


class UpstreamModel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A model of someone else that this one was made from."""

    name: Text
    version: Text | None = None
    source: Text | None = None
    licence: Text | None = None
    sha256: Sha256 | None = None


class Deployment(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whom and where the model is meant for, to compare with whom and where its data is about."""

    population: Text | None = None
    geography: tuple[Text, ...] | None = None


class Privacy(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the law on personal data hangs on (GDPR Articles 13, 22; POPIA sections 57, 71)."""

    significant_effect: bool | None = None
    """Whether an answer has legal or similarly significant effects on the person."""
    logic_notice: Text | None = None
    """Where people are told that and how an answer about them is made."""
    credit_reporting: bool | None = None
    unique_identifiers: bool | None = None
    """Whether identifiers are used for another purpose than they were collected for, and linked with others' data."""
    prior_authorisation: Text | None = None


class Document(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A paper that exists elsewhere: its number or place, who issued it and when."""

    reference: Text
    issuer: Text | None = None
    date: dt.date | None = None


class Conformity(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The papers of a high-risk system (AI Act Articles 27, 43, 47 to 49)."""

    assessment: Document | None = None
    declaration: Document | None = None
    ce_marking: Document | None = None
    registration: Document | None = None
    fundamental_rights: Document | None = None
