# SPDX-License-Identifier: Apache-2.0
"""Small ONNX models, and bundles written into a folder with a changed card and other files."""

import copy
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from onnx import TensorProto, helper, numpy_helper

from policies.targets.bundle import BundleTarget, read_bundle
from tests.policies.examples import merged, released

FEATURES = 4


def model(nodes: list[Any], initializers: Mapping[str, Any], output: str = "probabilities") -> bytes:
    """A model over one matrix of four features."""
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("features", TensorProto.DOUBLE, [None, FEATURES])],
        [helper.make_tensor_value_info(output, TensorProto.DOUBLE, [None, 2])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in initializers.items()],
    )
    opsets = [helper.make_opsetid("", 18)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())


def constant(churn: float = 0.6) -> bytes:
    """Answers every row alike."""
    nodes = [
        helper.make_node("MatMul", ["features", "nothing"], ["zero"]),
        helper.make_node("Add", ["zero", "always"], ["probabilities"]),
    ]
    return model(nodes, {"nothing": np.zeros((FEATURES, 2)), "always": np.array([[churn, 1 - churn]])})


def of_the_neighbours() -> bytes:
    """Answers a row by the mean over all rows that are asked with it."""
    nodes = [
        helper.make_node("ReduceMean", ["features", "rows"], ["mean"], keepdims=1),
        helper.make_node("MatMul", ["mean", "first"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["churn"]),
        helper.make_node("MatMul", ["features", "nothing"], ["zero"]),
        helper.make_node("Add", ["zero", "churn"], ["left"]),
        helper.make_node("Sub", ["one", "left"], ["right"]),
        helper.make_node("Concat", ["left", "right"], ["probabilities"], axis=1),
    ]
    first = np.array([[0.01], [0.0], [0.0], [0.0]])
    return model(
        nodes, {"rows": np.array([0]), "first": first, "nothing": np.zeros((FEATURES, 1)), "one": np.array([[1.0]])}
    )


def endless() -> bytes:
    """Counts to the largest integer before it answers."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["kept"], ["next"])],
        "again",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("kept", TensorProto.DOUBLE, [None, 2]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.DOUBLE, [None, 2]),
        ],
    )
    nodes = [
        helper.make_node("MatMul", ["features", "half"], ["start"]),
        helper.make_node("Loop", ["times", "true", "start"], ["probabilities"], body=body),
    ]
    return model(nodes, {"half": np.zeros((FEATURES, 2)), "times": np.array(2**62), "true": np.array(True)})


def insatiable() -> bytes:
    """Asks for more memory than any machine has."""
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["all"]),
        helper.make_node("ReduceSum", ["all"], ["sum"], keepdims=0),
        helper.make_node("Cast", ["sum"], ["wide"], to=TensorProto.DOUBLE),
        helper.make_node("MatMul", ["features", "nothing"], ["zero"]),
        helper.make_node("Add", ["zero", "wide"], ["probabilities"]),
    ]
    return model(nodes, {"shape": np.array([1 << 20, 1 << 20]), "nothing": np.zeros((FEATURES, 2))})


def with_weights_beside(location: str) -> bytes:
    """Keeps its weights in a file of its own, which no digest on a card covers."""
    tensor = helper.make_tensor("nothing", TensorProto.DOUBLE, [FEATURES, 2], b"\0" * 64, raw=True)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "64")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["features", "nothing"], ["probabilities"])],
        "beside",
        [helper.make_tensor_value_info("features", TensorProto.DOUBLE, [None, FEATURES])],
        [helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, [None, 2])],
        [tensor],
    )
    opsets = [helper.make_opsetid("", 18)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())


def write(
    folder: Path,
    patch: dict[str, Any] | None = None,
    files: Mapping[str, bytes | None] | None = None,
    card: str = "telecom-churn",
) -> BundleTarget:
    """Write a reference bundle with other files, whose digests the card then has, and a changed card; None removes."""
    whole = released(card)
    value = copy.deepcopy(merged(whole.document.value, patch or {}))
    changed = files or {}
    for name, data in {**whole.files, **changed}.items():
        if data is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
    for item in [value["artifact"], value["explanation"], *(value.get("evidence") or ())]:
        if changed.get(item["file"]) is not None:
            item["sha256"] = hashlib.sha256(changed[item["file"]] or b"").hexdigest()
    if value.get("evidence"):
        value["evidence"] = [item for item in value["evidence"] if changed.get(item["file"], b"") is not None]
    (folder / "card.yaml").write_text(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), "utf-8")
    return read_bundle(str(folder))
