# SPDX-License-Identifier: Apache-2.0
"""The model card: one file that says what a model is, what it may be used for and how well it does.

`parse_card` gives a card whose serving part is complete and consistent, or refuses with `file:line:column`. What a
rule of the gate asks for may be absent (`None`); whether it is true is computed by the gate, not believed here.
"""

from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from contracts.errors import ModelCardInvalid
from contracts.model_card_assurance import Conformity, Deployment, Lineage, Privacy, UpstreamModel
from contracts.model_card_evidence import Dataset, Evaluation, EvidenceFile, Fairness, Metric, Threshold
from contracts.model_card_governance import (
    Change,
    EuAiAct,
    LegalReference,
    Limitation,
    Materiality,
    Monitoring,
    Oversight,
    Owner,
    Provider,
    Retention,
    Rollback,
    WhenOverdue,
)
from contracts.model_card_serving import (
    ANSWER_FIELDS,
    Artifact,
    Explanation,
    Feature,
    FieldName,
    Output,
    Text,
)
from contracts.yaml_document import YamlInvalid, convert_yaml

__all__ = ["CARD_SCHEMA", "Artifact", "Explanation", "Feature", "ModelCard", "Output", "card_json_schema", "parse_card"]

CARD_SCHEMA = "countersign.dev/model-card/v1"


class ModelCard(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of one model. The order of the fields is the order in which a card is written."""

    schema: Literal["countersign.dev/model-card/v1"] = "countersign.dev/model-card/v1"
    model_id: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$(?!\n)")]
    version: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]{0,62}$(?!\n)")]
    name: Text | None = None
    description: Text | None = None
    model_type: Text | None = None
    licence: Text | None = None
    previous_version: Text | None = None
    training_date: date | None = None
    provider: Provider | None = None
    owners: tuple[Owner, ...] | None = None

    governance_tier: Text | None = None
    governance_reason: Text | None = None
    materiality: Materiality | None = None
    eu_ai_act_classification: Text | None = None
    eu_ai_act: EuAiAct | None = None
    last_review: date | None = None
    next_review: date | None = None
    review_overdue: WhenOverdue | None = None
    """What a service does from `next_review` on; if absent, what the tier asks for (`contracts.review`)."""

    intended_use: tuple[Text, ...] | None = None
    out_of_scope_use: tuple[Text, ...] | None = None
    foreseeable_misuse: tuple[Text, ...] | None = None
    limitations: tuple[Limitation, ...] | None = None
    deployment: Deployment | None = None
    privacy: Privacy | None = None

    subject_field: FieldName
    features: Annotated[tuple[Feature, ...], Meta(min_length=1)]
    output: Output
    artifact: Artifact
    explanation: Explanation | None = None

    base_models: tuple[UpstreamModel, ...] | None = None
    datasets: tuple[Dataset, ...] | None = None
    lineage: Lineage | None = None
    evaluation: Evaluation | None = None
    metrics: dict[str, Metric] | None = None
    fairness: Fairness | None = None
    thresholds: tuple[Threshold, ...] | None = None

    oversight: Oversight | None = None
    monitoring: Monitoring | None = None
    retention: Retention | None = None
    rollback: Rollback | None = None
    decommission: Text | None = None
    instructions_for_use: Text | None = None
    conformity: Conformity | None = None
    changes: tuple[Change, ...] | None = None
    standards: tuple[Text, ...] | None = None
    legal_references: tuple[LegalReference, ...] | None = None
    evidence: tuple[EvidenceFile, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse a request or an answer in which two things would have one name."""
        names = [self.subject_field, *(feature.name for feature in self.features)]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"`{min(twice)}` names two fields of the request; give each its own name")
        answer = {self.output.label_field, self.output.score_field}
        taken = answer & (ANSWER_FIELDS | {self.subject_field})
        if taken:
            raise ValueError(f"`{min(taken)}` is already a field of every answer; rename it in `output`")
        if self.subject_field in ANSWER_FIELDS:
            raise ValueError(f"`{self.subject_field}` is already a field of every answer; rename `subject_field`")
        files = [self.artifact.file, *(item.file for item in self.evidence or ())]
        if len(set(files)) != len(files):
            raise ValueError("a file of the bundle is listed twice; list each once")


def parse_card(data: bytes, name: str = "card.yaml") -> ModelCard:
    """Read a card; `name` is the file as the user knows it. Raises ModelCardInvalid."""
    try:
        return convert_yaml(data, name, ModelCard)
    except YamlInvalid as error:
        raise ModelCardInvalid(str(error)) from None


def card_json_schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of a card, for editors and for other people's validators."""
    schema = msgspec.json.schema(ModelCard)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Countersign model card", **schema}
