# SPDX-License-Identifier: Apache-2.0
"""Small bundles made on the spot, so that tests of the service depend on no trained model."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LINEAR_CARD = """\
model_id: small-churn
version: 1.0.0
name: Small churn
governance_tier: Medium Risk
eu_ai_act_classification: Limited Risk
next_review: 2999-05-01
metrics:
  accuracy:
    value: 0.9
fairness:
  not_measured: synthetic rows
subject_field: customer_id
features:
  - {name: tenure_months, type: number, minimum: 0, maximum: 120, unit: months}
  - {name: monthly_charges, type: number, minimum: 0, maximum: 500}
  - {name: total_charges, type: number, minimum: 0, maximum: 50000}
  - {name: num_complaints, type: integer, minimum: 0, maximum: 100}
output:
  labels: [retain, churn]
  positive: churn
  threshold: 0.5
  label_field: prediction
  score_field: churn_probability
  score_decimals: 4
artifact: {file: model.onnx, format: onnx, sha256: "%(model)s"}
explanation: {method: linear, file: evidence/explanation.json, sha256: "%(explanation)s"}
"""
MIXED_CARD = """\
model_id: small-ticket
version: 2.1.0
subject_field: person
features:
  - {name: class, type: category, values: [gold, silver, "true"]}
  - {name: note, type: text, max_length: 200}
  - {name: urgent, type: boolean}
  - {name: age, type: integer}
output:
  labels: [low, medium, high]
  label_field: priority
  score_field: confidence
artifact: {file: model.onnx, format: onnx, sha256: "%(model)s"}
"""
COEFFICIENTS = (-0.08, 0.01, 0.0001, 1.2)
CENTERS = (36.0, 80.0, 5000.0, 3.0)
BASELINE = 0.25
NAMES = ("tenure_months", "monthly_charges", "total_charges", "num_complaints")
ROW: dict[str, Any] = {
    "customer_id": "C-1",
    "tenure_months": 1.0,
    "monthly_charges": 95.5,
    "total_charges": 95.5,
    "num_complaints": 5,
}


def write_linear_bundle(root: Path, card: str = LINEAR_CARD) -> Path:
    """A logistic model of the reference model's request, with exact reasons."""
    explanation = {
        "method": "linear",
        "unit": "log-odds",
        "class": "churn",
        "baseline": BASELINE,
        "features": [
            {"name": name, "kind": "number", "coefficient": coefficient, "center": center}
            for name, coefficient, center in zip(NAMES, COEFFICIENTS, CENTERS, strict=True)
        ],
    }
    return _write(root, card, _linear_model(), json.dumps(explanation).encode())


def write_crowd_bundle(root: Path) -> Path:
    """A model of the same request whose answer to a row depends on the rows beside it."""
    card = "\n".join(line for line in LINEAR_CARD.splitlines() if not line.startswith("explanation:")) + "\n"
    return _write(root, card, _linear_model(crowd=True), None)


def write_mixed_bundle(root: Path, card: str = MIXED_CARD) -> Path:
    """Three classes, one input per feature, a text among them, and no explanation."""
    return _write(root, card, _mixed_model(), None)


def _write(root: Path, card: str, model: bytes, explanation: bytes | None) -> Path:
    (root / "evidence").mkdir(parents=True)
    (root / "model.onnx").write_bytes(model)
    digests = {"model": hashlib.sha256(model).hexdigest()}
    if explanation is not None:
        (root / "evidence" / "explanation.json").write_bytes(explanation)
        digests["explanation"] = hashlib.sha256(explanation).hexdigest()
    (root / "card.yaml").write_text(card % digests)
    return root


def _linear_model(crowd: bool = False) -> bytes:
    offset = BASELINE - sum(c * m for c, m in zip(COEFFICIENTS, CENTERS, strict=True))
    nodes = [
        helper.make_node("MatMul", ["features", "weights"], ["product"]),
        helper.make_node("ReduceMax", ["product"], ["largest"], keepdims=1),
        helper.make_node("Sub" if crowd else "Add", ["product", "largest" if crowd else "offset"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["positive"]),
        helper.make_node("Sub", ["one", "positive"], ["negative"]),
        helper.make_node("Concat", ["negative", "positive"], ["probabilities"], axis=1),
    ]
    constants = {
        "weights": np.array(COEFFICIENTS).reshape(-1, 1),
        "offset": np.array([offset]),
        "one": np.array([1.0]),
    }
    inputs = [helper.make_tensor_value_info("features", TensorProto.DOUBLE, [None, 4])]
    return _model(nodes, inputs, constants)


def _mixed_model() -> bytes:
    # probabilities = softmax([urgent, age / 100, 0]); class and note only have to be fed.
    nodes = [
        helper.make_node("Cast", ["urgent"], ["urgent_number"], to=TensorProto.DOUBLE),
        helper.make_node("Cast", ["age"], ["age_number"], to=TensorProto.DOUBLE),
        helper.make_node("Div", ["age_number", "hundred"], ["age_share"]),
        helper.make_node("Sub", ["age_number", "age_number"], ["nothing"]),
        helper.make_node("Concat", ["nothing", "age_share", "urgent_number"], ["logits"], axis=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("Identity", ["class"], ["class_seen"]),
        helper.make_node("Identity", ["note"], ["note_seen"]),
    ]
    kinds = {
        "class": TensorProto.STRING,
        "note": TensorProto.STRING,
        "urgent": TensorProto.BOOL,
        "age": TensorProto.INT64,
    }
    inputs = [helper.make_tensor_value_info(name, kind, [None, 1]) for name, kind in kinds.items()]
    return _model(nodes, inputs, {"hundred": np.array([100.0])}, ("class_seen", "note_seen"))


def _model(
    nodes: Sequence[Any], inputs: Sequence[Any], constants: dict[str, Any], strings: Sequence[str] = ()
) -> bytes:
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, [None, None])]
    outputs += [helper.make_tensor_value_info(name, TensorProto.STRING, [None, 1]) for name in strings]
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(list(nodes), "small", list(inputs), outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data
