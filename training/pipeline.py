# SPDX-License-Identifier: Apache-2.0
"""From a recipe to the files of a bundle: load, split, fit, export, compare, measure, describe.

No clock, no absolute path and no unseeded chance enters: the same recipe gives the same bytes on the same machine with
the same libraries. Nothing is written here; `training.release` does that.
"""

import hashlib
import platform
from importlib.metadata import version
from typing import Any, NamedTuple

import msgspec

from contracts.bundle import CARD_FILE
from contracts.errors import ModelCardInvalid
from contracts.model_card import ModelCard, parse_card
from contracts.model_card_evidence import AttributeFairness, Equivalence, Metric
from training.card_yaml import card_yaml
from training.description import Description, to_description
from training.drift import drift_baseline
from training.equivalence import equivalence, probabilities
from training.errors import RecipeInvalid
from training.evidence import Evidence, evidence_files, json_bytes
from training.explanation import linear_explanation
from training.fairness import METHOD, fairness
from training.metrics import Answers, answer, metrics
from training.onnx_export import OPSET, export
from training.recipe import Recipe
from training.rows import Rows, Table, csv_bytes, to_rows
from training.split import split

ARTIFACT_FILE = "model.onnx"
_LIBRARIES = ("numpy", "onnx", "onnxruntime", "scikit-learn", "skl2onnx")


class Trained(NamedTuple):
    """A card, and every file of its bundle by path."""

    card: ModelCard
    files: dict[str, bytes]


class _Model(NamedTuple):
    """A fitted pipeline, its artifact and its labels in the order of the probabilities."""

    fitted: Any
    artifact: bytes
    labels: tuple[str, ...]


class _Measured(NamedTuple):
    """Everything about a model that was computed."""

    equivalence: Equivalence
    metrics: dict[str, Metric]
    fairness: dict[str, AttributeFairness] | None
    explanation: dict[str, Any] | None
    evidence: list[Evidence]


def train(recipe: Recipe) -> Trained:
    """Run a recipe whole. Raises RecipeInvalid or TrainingRefused."""
    description = to_description(recipe.call("describe"))
    table: Table = recipe.call("load")
    rows = to_rows(table, description.features)
    train_rows, evaluation = split(rows, description.training.evaluation_share, description.training.seed)
    model = _fit(recipe, description, train_rows)
    measured = _measure(model, description, train_rows, evaluation)
    card = _card(description, model, measured, (train_rows, evaluation), _source_digest(table, rows))
    data = card_yaml(card)
    if parse_card(data) != card:
        raise RecipeInvalid("describe() holds a text that does not survive YAML; write it in plain characters")
    files = {CARD_FILE: data, ARTIFACT_FILE: model.artifact} | {item.file: item.data for item in measured.evidence}
    return Trained(card, files)


def _fit(recipe: Recipe, description: Description, train_rows: Rows) -> _Model:
    estimator = recipe.call("estimator")
    fitted = recipe._replace(estimator=lambda: estimator.fit(train_rows.matrix(), train_rows.labels)).call("estimator")
    labels = tuple(str(label) for label in fitted.classes_)
    if len(labels) == 2 and description.positive not in labels:
        raise RecipeInvalid(f"describe(): output.positive must be one of the labels {', '.join(labels)}")
    if len(labels) == 2 and description.threshold is None:
        raise RecipeInvalid("describe(): two labels need output.threshold, such as 0.5")
    return _Model(fitted, export(fitted, description.features, str(description.card.get("model_id"))), labels)


def _measure(model: _Model, description: Description, train_rows: Rows, evaluation: Rows) -> _Measured:
    training = description.training
    equal = equivalence(model.fitted, model.artifact, evaluation, training.tolerance)
    answers = _answers(model, description, evaluation)
    given = _answers(model, description, train_rows).given
    baseline = drift_baseline(train_rows, [model.labels[place] for place in given])
    evidence = evidence_files(train_rows, evaluation, answers, baseline)
    explanation = None
    if answers.positive is not None:
        explanation = linear_explanation(model.fitted, train_rows, evaluation, model.labels[answers.positive])
    if explanation is not None:
        evidence.append(Evidence("evidence/explanation.json", json_bytes(explanation), "contributions to the log-odds"))
    fair = _fairness(answers, description, evaluation) if evaluation.groups else None
    return _Measured(equal, metrics(answers, training), fair, explanation, evidence)


def _answers(model: _Model, description: Description, rows: Rows) -> Answers:
    chances = probabilities(model.artifact, rows)
    return answer(model.labels, chances, rows.labels, description.positive, description.threshold)


def _fairness(answers: Answers, description: Description, evaluation: Rows) -> dict[str, AttributeFairness]:
    if description.selected_label not in answers.labels:
        raise RecipeInvalid("describe(): groups were loaded, so fairness.selected_label must be one of the labels")
    selected = answers.labels.index(description.selected_label)
    return fairness(evaluation.groups, answers.given == selected, answers.true == selected, description.training)


def _card(
    description: Description, model: _Model, measured: _Measured, parts: tuple[Rows, Rows], source: str
) -> ModelCard:
    texts, training = description.card, description.training
    evaluation_date = (texts.get("evaluation") or {}).get("date", texts.get("training_date"))
    written = texts | {
        "output": {"labels": model.labels, **(texts.get("output") or {})},
        "artifact": {"file": ARTIFACT_FILE, "sha256": _digest(model.artifact), "format": "onnx", "opset": OPSET},
        "metrics": measured.metrics,
        "evidence": [
            {"file": e.file, "sha256": _digest(e.data), "content": e.content, "rows": e.rows} for e in measured.evidence
        ],
        "datasets": _datasets(texts.get("datasets"), source, len(parts[0]) + len(parts[1])),
        "evaluation": {
            **(texts.get("evaluation") or {}),
            "date": evaluation_date,
            "recomputable_from": "model",
            "train_rows": len(parts[0]),
            "evaluation_rows": len(parts[1]),
            "seed": training.seed,
            "confidence": training.confidence,
            "resamples": training.resamples,
            "calibration_bins": training.calibration_bins,
            "equivalence": measured.equivalence,
            "libraries": {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
        },
        "fairness": dict(texts.get("fairness") or {}),
    }
    if measured.fairness is not None:
        written["fairness"] |= {
            "evaluation_date": evaluation_date,
            "method": METHOD,
            "selected_label": description.selected_label,
            "attributes": measured.fairness,
        }
    if measured.explanation is not None:
        file = measured.evidence[-1]
        written["explanation"] = {
            "method": "linear", "file": file.file, "sha256": _digest(file.data), "unit": measured.explanation["unit"],
        }  # fmt: skip
    try:
        return msgspec.convert(msgspec.to_builtins(written), ModelCard)
    except (msgspec.ValidationError, ModelCardInvalid) as error:
        raise RecipeInvalid(f"describe(): {error}") from None


def _datasets(described: Any, source: str, rows: int) -> Any:
    """Give the first dataset, the one that load() reads, its digest and its rows."""
    if not isinstance(described, list) or not described or not isinstance(described[0], dict):
        return described
    return [{**described[0], "sha256": source, "rows": rows}, *described[1:]]


def _source_digest(table: Table, rows: Rows) -> str:
    if table.source is not None:
        return _digest(table.source.read_bytes())
    names = [feature.name for feature in rows.features]
    columns = zip(*zip(*rows.records(), strict=True), rows.labels, *rows.groups.values(), strict=True)
    return _digest(csv_bytes([*names, "label", *rows.groups], columns))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
