# SPDX-License-Identifier: Apache-2.0
"""The parts of a model card that people decide: who answers for the model, what it is for, how it is watched.

Nearly everything is optional, so that an absent answer is a finding of the rule that asks for it. Texts are not
judged here; dates are dates.
"""

import datetime as dt
from typing import Annotated, Literal

from msgspec import Meta, Struct

from contracts.model_card_serving import Text

Days = Annotated[int, Meta(ge=0)]
WhenOverdue = Literal["alert", "warn", "unready"]
"""What a service does while the card's review is overdue: metrics and a record in the log always; `warn` also puts a
header on answers, `unready` also takes the pod out of service."""


class Provider(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who puts the model into service, in which role of the AI Act, and how to reach them."""

    name: Text
    contact: Text | None = None
    role: Text | None = None
    public_service: bool | None = None
    """A public body, or a private one that provides public services (AI Act Article 27(1))."""


class Owner(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A duty and who holds it."""

    duty: Text
    holder: Text
    contact: Text | None = None


class Limitation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the model does badly, and the condition under which it happens."""

    limitation: Text
    condition: Text | None = None


class Materiality(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Exposure and purpose, from which the least governance tier follows."""

    exposure: Text | None = None
    purpose: Text | None = None
    reason: Text | None = None


class Screening(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The answer to the prohibited practices of AI Act Article 5."""

    date: dt.date
    prohibited_practice: bool
    answers: dict[str, bool] | None = None
    """By point, such as ``5(1)(a)``: whether the system does what the point forbids."""
    reason: Text | None = None


class Exemption(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The record of AI Act Article 6(4): why a system of Annex III is not high-risk."""

    ground: Text
    assessor: Text | None = None
    date: dt.date | None = None
    registration: Text | None = None
    reason: Text | None = None


class Disclosure(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What people are told about the system, and where (AI Act Article 50)."""

    text: Text
    channel: Text | None = None


class EuAiAct(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The facts behind the class. `annex_iii_point` is such as `5b`, and `annex_i_product` such as `machinery`, if the
    system is a safety component of one; `none` means that none applies. `article_50` lists the points that do, such as
    `50(1)`, and is empty when none does.
    """

    law_as_of: dt.date | None = None
    annex_iii_point: Text | None = None
    annex_i_product: Text | None = None
    article_50: tuple[Text, ...] | None = None
    profiling: bool | None = None
    screening: Screening | None = None
    exemption: Exemption | None = None
    disclosure: Disclosure | None = None
    reason: Text | None = None


class Oversight(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who may overrule and stop the model, by what means, and how a person contests an answer."""

    duty: Text | None = None
    competence: Text | None = None
    override: Text | None = None
    stop: Text | None = None
    solely_automated: bool | None = None
    contest: Text | None = None


class Monitor(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that is watched in service."""

    metric: Text
    threshold: Text | None = None
    owner: Text | None = None
    cadence: Text | None = None


class Monitoring(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is watched in service, against which baseline file, and what happens after an incident."""

    monitors: tuple[Monitor, ...] | None = None
    drift_baseline: Text | None = None
    incident_contact: Text | None = None
    incident_process: Text | None = None


class Retention(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long logs and documents are kept at least, and when training data goes."""

    log_days: Days | None = None
    technical_file_years: Days | None = None
    training_data: Text | None = None
    personal_data: Text | None = None


class Rollback(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to go back to, how, and when that was last tried. `target` is a version, or `none` for a first release."""

    target: Text
    fallback: Text | None = None
    """What is done instead of answering while there is no version to go back to."""
    procedure: Text | None = None
    drill: dt.date | None = None


class Change(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a version changed, and whether the change is substantial."""

    version: Text
    date: dt.date | None = None
    kind: Text | None = None
    summary: Text | None = None


class LegalReference(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A source of law or a standard, the point meant, and what it means for this model."""

    source: Text
    point: Text | None = None
    note: Text | None = None
