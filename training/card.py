# SPDX-License-Identifier: Apache-2.0
"""Put together the texts of a recipe and everything that was measured into a card.

Raises RecipeInvalid if the two do not make one; nothing measured can be overruled by a text.
"""

import hashlib
import platform
from importlib.metadata import version
from typing import Any, NamedTuple

import msgspec

from contracts.errors import ModelCardInvalid
from contracts.model_card import ModelCard
from contracts.model_card_assurance import Robustness
from contracts.model_card_evidence import AttributeFairness, Equivalence, Metric
from training.description import Description
from training.errors import RecipeInvalid
from training.evidence import Evidence
from training.explanation import EXPLANATION_FILE
from training.fairness import METHOD
from training.onnx_export import opset
from training.recipe import Recipe
from training.rows import Rows, Table, csv_bytes

ARTIFACT_FILE = "model.onnx"
_LIBRARIES = ("numpy", "onnx", "onnxruntime", "scikit-learn", "skl2onnx")


class Measured(NamedTuple):
    """Everything about a model that was computed; `labels` in the order of the probabilities."""

    labels: tuple[str, ...]
    artifact: bytes
    equivalence: Equivalence
    metrics: dict[str, Metric]
    fairness: dict[str, AttributeFairness] | None
    explanation: dict[str, Any] | None
    robustness: Robustness | None
    evidence: list[Evidence]


class MadeFrom(NamedTuple):
    """What an artifact was made from: SHA-256 of the data and of the recipe's file, and the command."""

    data: str
    recipe: str
    recipe_file: str
    command: str


def made_from(recipe: Recipe, table: Table, rows: Rows) -> MadeFrom:
    """Digest the data as it was loaded (its file, where there is one) and the recipe's file."""
    name = recipe.file.name if recipe.name.endswith(".py") else recipe.name
    return MadeFrom(
        _source_digest(table, rows), _digest(recipe.file.read_bytes()), recipe.file.name, f"countersign train {name}"
    )


def to_card(description: Description, measured: Measured, made: MadeFrom, rows: tuple[int, int]) -> ModelCard:
    """Give the card; `rows` are those of training and of evaluation. Raises RecipeInvalid."""
    texts = description.card
    evaluation_date = (texts.get("evaluation") or {}).get("date", texts.get("training_date"))
    digests = {item.file: _digest(item.data) for item in measured.evidence}
    written = texts | {
        "output": {"labels": measured.labels, **(texts.get("output") or {})},
        "artifact": {
            "file": ARTIFACT_FILE, "sha256": _digest(measured.artifact), "format": "onnx",
            "opset": opset(measured.artifact),
        },
        "metrics": measured.metrics,
        "evidence": [
            {"file": item.file, "sha256": digests[item.file], "content": item.content, "rows": item.rows}
            for item in measured.evidence
        ],
        "datasets": _datasets(texts.get("datasets"), made.data, sum(rows)),
        "lineage": {
            "recipe": made.recipe_file, "command": made.command, **(texts.get("lineage") or {}),
            "recipe_sha256": made.recipe,
        },
        "evaluation": _evaluation(description, measured, rows) | {"date": evaluation_date},
        "fairness": dict(texts.get("fairness") or {}),
    }  # fmt: skip
    if measured.fairness is not None:
        written["fairness"] |= {
            "evaluation_date": evaluation_date,
            "method": METHOD,
            "selected_label": description.selected_label,
            "attributes": measured.fairness,
        }
    if measured.explanation is not None:
        written["explanation"] = {
            "method": "linear", "file": EXPLANATION_FILE, "sha256": digests[EXPLANATION_FILE],
            "unit": measured.explanation["unit"],
        }  # fmt: skip
    try:
        return msgspec.convert(msgspec.to_builtins(written), ModelCard)
    except (msgspec.ValidationError, ModelCardInvalid) as error:
        raise RecipeInvalid(f"describe(): {error}") from None


def _evaluation(description: Description, measured: Measured, rows: tuple[int, int]) -> dict[str, Any]:
    training = description.training
    return {
        **(description.card.get("evaluation") or {}),
        "recomputable_from": "model",
        "train_rows": rows[0],
        "evaluation_rows": rows[1],
        "seed": training.seed,
        "confidence": training.confidence,
        "resamples": training.resamples,
        "calibration_bins": training.calibration_bins,
        "equivalence": measured.equivalence,
        "libraries": {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
        "robustness": measured.robustness,
    }


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
