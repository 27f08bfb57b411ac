# SPDX-License-Identifier: Apache-2.0
"""Model cards as a CycloneDX 1.7 machine-learning bill of materials (ML-BOM).

One component for each model, with its artifact's digest, its model card in CycloneDX's own fields, its datasets and its
evidence files as parts; what CycloneDX has no field for stands in properties named ``countersign:…``. The same cards
give the same document: the serial number derives from their digests, and there is no time in it. Nothing is checked
here: figures and digests are the card's, and a reader learns from the gate whether they hold.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from contracts.canonical import canonical_digest
from contracts.model_card import ModelCard
from contracts.model_card_evidence import Dataset, EvidenceFile, Metric

SCHEMA: Final = "http://cyclonedx.org/schema/bom-1.7.schema.json"
MEDIA_TYPE: Final = "application/vnd.cyclonedx+json; version=1.7"


class Model(NamedTuple):
    """A card and the SHA-256 of its bytes."""

    card: ModelCard
    card_digest: str


def ml_bom(models: Sequence[Model], version: str | None = None, properties: Mapping[str, str] | None = None) -> bytes:
    """The bill of materials as JSON; ``version`` is Countersign's, ``properties`` stand at the document's head."""
    said = dict(properties or {})
    serial = uuid5(NAMESPACE_URL, canonical_digest({"cards": [model.card_digest for model in models], "said": said}))
    document = {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": _known(
            tools={"components": [_known(type="application", name="countersign", version=version)]},
            properties=[_property(name, value) for name, value in said.items()],
        ),
        "components": [_component(model) for model in models],
        "dependencies": [_dependency(model) for model in models],
    }
    return json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _component(model: Model) -> dict[str, Any]:
    card = model.card
    return _known(
        type="machine-learning-model",
        **{"bom-ref": _ref(card)},
        name=card.model_id,
        version=card.version,
        description=card.description or card.name,
        supplier=None if card.provider is None else {"name": card.provider.name},
        hashes=_hashes(card.artifact.sha256),
        licenses=_licences(card.licence),
        modelCard=_model_card(card),
        components=[
            *(_dataset(card, dataset) for dataset in card.datasets or ()),
            *(_evidence(card, item) for item in card.evidence or ()),
        ],
        properties=list(_properties(model)),
    )


def _dependency(model: Model) -> dict[str, Any]:
    card = model.card
    parts = [_data_ref(card, dataset) for dataset in card.datasets or ()]
    return _known(ref=_ref(card), dependsOn=list(dict.fromkeys(parts)))


def _model_card(card: ModelCard) -> dict[str, Any]:
    return _known(
        **{"bom-ref": f"{_ref(card)}#card"},
        modelParameters=_known(
            task="classification",
            modelArchitecture=card.model_type,
            datasets=[{"ref": ref} for ref in dict.fromkeys(_data_ref(card, item) for item in card.datasets or ())],
            inputs=[{"format": f"{feature.type} {feature.name}"} for feature in card.features],
            outputs=[
                {"format": f"category {card.output.label_field}: {', '.join(card.output.labels)}"},
                {"format": f"number {card.output.score_field}"},
            ],
        ),
        quantitativeAnalysis=_known(performanceMetrics=list(_metrics(card))),
        considerations=_considerations(card),
    )


def _considerations(card: ModelCard) -> dict[str, Any]:
    misuse = [*(card.foreseeable_misuse or ()), *(f"out of scope: {text}" for text in card.out_of_scope_use or ())]
    return _known(
        users=[f"{owner.holder}: {owner.duty}" for owner in card.owners or ()],
        useCases=list(card.intended_use or ()),
        technicalLimitations=[
            item.limitation if item.condition is None else f"{item.limitation} (when: {item.condition})"
            for item in card.limitations or ()
        ],
        performanceTradeoffs=[
            f"{item.metric}: {item.reason}" for item in card.thresholds or () if item.reason is not None
        ],
        ethicalConsiderations=[{"name": text} for text in misuse],
    )


def _metrics(card: ModelCard) -> Iterator[dict[str, Any]]:
    for name, metric in (card.metrics or {}).items():
        yield _metric(name, metric, None)
    attributes = None if card.fairness is None else card.fairness.attributes
    for attribute, figures in (attributes or {}).items():
        for name in figures.__struct_fields__:
            metric = getattr(figures, name)
            if isinstance(metric, Metric):
                yield _metric(name, metric, attribute)
        for group, rates in (figures.groups or {}).items():
            for name in rates.__struct_fields__:
                metric = getattr(rates, name)
                if isinstance(metric, Metric):
                    yield _metric(name, metric, f"{attribute}: {group}")


def _metric(name: str, metric: Metric, part: str | None) -> dict[str, Any]:
    interval = _known(
        lowerBound=None if metric.low is None else repr(metric.low),
        upperBound=None if metric.high is None else repr(metric.high),
    )
    return _known(type=name, value=repr(metric.value), slice=part, confidenceInterval=interval)


def _dataset(card: ModelCard, dataset: Dataset) -> dict[str, Any]:
    return _known(
        type="data",
        **{"bom-ref": _data_ref(card, dataset)},
        name=dataset.name,
        version=dataset.version,
        description=dataset.source,
        hashes=_hashes(dataset.sha256),
        licenses=_licences(dataset.licence),
        data=[_known(type="dataset", name=dataset.name, description=dataset.role)],
        properties=[
            _property(f"countersign:dataset:{name}", value)
            for name, value in (
                ("rows", dataset.rows),
                ("period", dataset.period),
                ("personal_data", dataset.personal_data),
                ("lawful_basis", dataset.lawful_basis),
                ("retention", dataset.retention),
            )
            if value is not None
        ],
    )


def _evidence(card: ModelCard, item: EvidenceFile) -> dict[str, Any]:
    return {
        "type": "file",
        "bom-ref": f"{_ref(card)}/{item.file}",
        "name": item.file,
        "description": item.content,
        "hashes": _hashes(item.sha256),
    }


def _properties(model: Model) -> Iterator[dict[str, str]]:
    card = model.card
    act = card.eu_ai_act
    values = {
        "card": model.card_digest,
        "artifact": card.artifact.file,
        "artifact_format": card.artifact.format,
        "governance_tier": card.governance_tier,
        "governance_reason": card.governance_reason,
        "eu_ai_act_classification": card.eu_ai_act_classification,
        "annex_iii_point": None if act is None else act.annex_iii_point,
        "profiling": None if act is None else act.profiling,
        "training_date": card.training_date,
        "evaluation_date": None if card.evaluation is None else card.evaluation.date,
        "last_review": card.last_review,
        "next_review": card.next_review,
        "threshold": card.output.threshold,
        "previous_version": card.previous_version,
    }
    for name, value in values.items():
        if value is not None:
            yield _property(f"countersign:{name}", value)


def _ref(card: ModelCard) -> str:
    return f"{card.model_id}@{card.version}"


def _data_ref(card: ModelCard, dataset: Dataset) -> str:
    # A card may list one source in several roles, each its own bytes.
    return f"{_ref(card)}/data/{dataset.name}/{dataset.role or ''}/{(dataset.sha256 or '')[:12]}"


def _hashes(digest: str | None) -> list[dict[str, str]]:
    return [] if digest is None else [{"alg": "SHA-256", "content": digest}]


def _licences(text: str | None) -> list[dict[str, Any]]:
    return [] if text is None else [{"license": {"name": text}}]


def _property(name: str, value: object) -> dict[str, str]:
    return {"name": name, "value": str(value).lower() if isinstance(value, bool) else str(value)}


def _known(**members: Any) -> dict[str, Any]:
    """The members that say something: CycloneDX has no nulls, and an empty list would claim that there is nothing."""
    return {name: value for name, value in members.items() if value not in (None, [], {})}
