# SPDX-License-Identifier: Apache-2.0
"""From a recipe to the files of a bundle: load, split, fit, export, compare, measure, describe.

No clock, no absolute path and no unseeded chance enters: the same recipe gives the same bytes on the same machine with
the same libraries. Nothing is written here; `training.release` does that.
"""

from typing import Any, NamedTuple

from contracts.bundle import CARD_FILE
from contracts.model_card import ModelCard, parse_card
from contracts.model_card_assurance import Robustness
from contracts.model_card_evidence import AttributeFairness
from training.card import ARTIFACT_FILE, Measured, made_from, to_card
from training.card_yaml import card_yaml
from training.description import Description, to_description
from training.drift import drift_baseline
from training.equivalence import equivalence, probabilities
from training.errors import RecipeInvalid
from training.evidence import Evidence, evidence_files, json_bytes
from training.explanation import EXPLANATION_FILE, linear_explanation
from training.fairness import fairness
from training.metrics import Answers, answer, metrics
from training.onnx_export import export
from training.recipe import Recipe
from training.robustness import robustness
from training.rows import Array, Rows, Table, to_rows
from training.split import split


class Trained(NamedTuple):
    """A card, and every file of its bundle by path."""

    card: ModelCard
    files: dict[str, bytes]


class _Model(NamedTuple):
    """A fitted pipeline, its artifact and its labels in the order of the probabilities."""

    fitted: Any
    artifact: bytes
    labels: tuple[str, ...]


def train(recipe: Recipe) -> Trained:
    """Run a recipe whole. Raises RecipeInvalid or TrainingRefused."""
    description = to_description(recipe.call("describe"))
    table: Table = recipe.call("load")
    rows = to_rows(table, description.features)
    train_rows, evaluation = split(rows, description.training.evaluation_share, description.training.seed)
    model = _fit(recipe, description, train_rows)
    measured = _measure(model, description, train_rows, evaluation)
    card = to_card(description, measured, made_from(recipe, table, rows), (len(train_rows), len(evaluation)))
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


def _measure(model: _Model, description: Description, train_rows: Rows, evaluation: Rows) -> Measured:
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
        evidence.append(Evidence(EXPLANATION_FILE, json_bytes(explanation), "contributions to the log-odds"))
    evidence += [Evidence(item.file, item.text.encode(), item.content) for item in description.documents]
    return Measured(
        labels=model.labels,
        artifact=model.artifact,
        equivalence=equal,
        metrics=metrics(answers, training),
        fairness=_fairness(answers, description, evaluation) if evaluation.groups else None,
        explanation=explanation,
        robustness=_robustness(model, description, train_rows, evaluation),
        evidence=evidence,
    )


def _answers(model: _Model, description: Description, rows: Rows) -> Answers:
    chances = probabilities(model.artifact, rows)
    return answer(model.labels, chances, rows.labels, description.positive, description.threshold)


def _robustness(model: _Model, description: Description, train_rows: Rows, evaluation: Rows) -> Robustness | None:
    if description.robustness is None:
        return None
    confidence = description.training.confidence

    def given(rows: Rows) -> Array:
        return _answers(model, description, rows).given

    return robustness(description.robustness, train_rows, evaluation, given, confidence)


def _fairness(answers: Answers, description: Description, evaluation: Rows) -> dict[str, AttributeFairness]:
    if description.selected_label not in answers.labels:
        raise RecipeInvalid("describe(): groups were loaded, so fairness.selected_label must be one of the labels")
    selected = answers.labels.index(description.selected_label)
    return fairness(evaluation.groups, answers.given == selected, answers.true == selected, description.training)
