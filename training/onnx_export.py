# SPDX-License-Identifier: Apache-2.0
"""A fitted scikit-learn classifier as ONNX bytes with the inputs and the output that the service expects.

Inputs: one float64 matrix `features` if every feature is a number, an integer or a boolean; else one input of shape
[n, 1] per feature, named as it, float64, int64, bool or string. Output: `probabilities`, float64 [n, labels]. The same
fitted model gives the same bytes. How close the two are is measured by `training.equivalence`.
"""

import warnings
from typing import Any

import onnx
from onnx import TensorProto, helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, StringTensorType

from contracts.model_card import Feature
from training.errors import TrainingRefused
from training.rows import NUMERIC

OPSET = 18
_OPSET_ML = 3
MATRIX_INPUT = "features"
OUTPUT = "probabilities"
_ASCII_WORD, _WORD = b"[a-zA-Z0-9_]+", rb"[\p{L}\p{N}_]+"
_NARROWED = {"integer": TensorProto.INT64, "boolean": TensorProto.BOOL}


def export(estimator: Any, features: tuple[Feature, ...], name: str) -> bytes:
    """Convert. Raises TrainingRefused if the converter does not know a part of the pipeline."""
    numeric = all(feature.type in NUMERIC for feature in features)
    inputs = [(MATRIX_INPUT, DoubleTensorType([None, len(features)]))] if numeric else [_input(f) for f in features]
    allowed = {"": OPSET, "ai.onnx.ml": _OPSET_ML}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the converter warns about its own imports, not about the model
            model = convert_sklearn(
                estimator, name, inputs, options={id(estimator): {"zipmap": False}}, target_opset=allowed
            )
    except Exception as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise TrainingRefused(f"the estimator cannot be converted to ONNX: {first_line}") from error
    graph = model.graph
    if not numeric:
        _take_narrow_inputs(graph, features)
    _read_every_script(graph)
    _give_only_wide_probabilities(graph)
    # The converter keeps the opsets in a set, so their order is one of chance.
    opsets = sorted(model.opset_import, key=lambda opset: str(opset.domain))
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def opset(artifact: bytes) -> int:
    """Give the version of the ONNX operators that an artifact asks for, which may be lower than the newest allowed."""
    model = onnx.load_from_string(artifact)
    return max(int(entry.version) for entry in model.opset_import if entry.domain == "")


def _input(feature: Feature) -> tuple[str, Any]:
    return feature.name, DoubleTensorType([None, 1]) if feature.type in NUMERIC else StringTensorType([None, 1])


def _take_narrow_inputs(graph: Any, features: tuple[Feature, ...]) -> None:
    """Cast int64 and bool inputs to float64 first: the converter mixes precisions when it sees the narrow types."""
    casts = []
    for feature, value in zip(features, graph.input, strict=True):
        if feature.type not in _NARROWED:
            continue
        wide = f"{feature.name}_float64"
        for node in graph.node:
            node.input[:] = [wide if item == feature.name else item for item in node.input]
        value.type.tensor_type.elem_type = _NARROWED[feature.type]
        casts.append(helper.make_node("Cast", [feature.name], [wide], name=f"cast_{wide}", to=TensorProto.DOUBLE))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _read_every_script(graph: Any) -> None:
    """Lower-case by a locale that every glibc has, and split words as scikit-learn does, beyond ASCII.

    The converter's defaults are the locale en_US, which slim images lack, and words of ASCII letters alone.
    """
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Tokenizer" and attribute.name == "tokenexp" and attribute.s == _ASCII_WORD:
                attribute.s = _WORD
        if node.op_type == "StringNormalizer":
            kept = [attribute for attribute in node.attribute if attribute.name != "locale"]
            del node.attribute[:]
            node.attribute.extend([*kept, helper.make_attribute("locale", "C.UTF-8")])


def _give_only_wide_probabilities(graph: Any) -> None:
    output = next(value for value in graph.output if value.name == OUTPUT)
    if output.type.tensor_type.elem_type != TensorProto.DOUBLE:
        for node in graph.node:
            node.output[:] = ["probabilities_narrow" if item == OUTPUT else item for item in node.output]
        graph.node.append(
            helper.make_node(
                "Cast", ["probabilities_narrow"], [OUTPUT], name="cast_probabilities", to=TensorProto.DOUBLE
            )
        )
    wide = helper.make_tensor_value_info(OUTPUT, TensorProto.DOUBLE, [None, None])
    del graph.output[:]
    graph.output.append(wide)
    _prune(graph)


def _prune(graph: Any) -> None:
    """Drop what only the label output needed."""
    needed = {OUTPUT}
    kept = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            needed |= set(node.input)
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    used = [value for value in graph.initializer if value.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(used)
