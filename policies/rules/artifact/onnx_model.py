# SPDX-License-Identifier: Apache-2.0
"""What an ONNX file says of itself, read from its wire format: nothing is loaded, and nothing of the file can run.

Field numbers are those of `onnx.proto3` (ONNX 1.x), published by the ONNX project under Apache-2.0.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from contracts import wire
from contracts.errors import ContractError

_IR_VERSION: Final = 1
_GRAPH: Final = 7
_OPSET: Final = 8
_FUNCTIONS: Final = 25
_MODEL_FIELDS: Final = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26})
_DATA_LOCATION: Final = 14
_EXTERNAL_DATA: Final = 13
_EXTERNAL: Final = 1
_DEPTH: Final = 16
# Where tensors and graphs hide: graph → node → attribute → tensor or graph.
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_ATTRIBUTE: Final = 5
_FUNCTION_NODE: Final = 7
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 5, 6, 10, 11


class OnnxModel(Struct, frozen=True, kw_only=True):
    """The parts of a model that say what loading it needs."""

    ir_version: int
    opsets: dict[str, int]
    """Version by domain; the empty domain is ONNX's own."""
    nodes: int
    external: bool
    """Whether a tensor's values lie in another file, which the digest does not cover."""


def read_onnx(data: bytes) -> OnnxModel:
    """Read a model's header, and walk its graph. Raises ContractError for what is no ONNX model."""
    parts: dict[int, list[int | bytes]] = {}
    for number, _, value in wire.fields(data):
        if number not in _MODEL_FIELDS:
            raise ContractError(f"field {number} is none of an ONNX model")
        parts.setdefault(number, []).append(value)
    ir_version, graph = _once(parts, _IR_VERSION), _once(parts, _GRAPH)
    opsets = dict(_opset(wire.expect_bytes(_OPSET, value)) for value in parts.get(_OPSET, []))
    if not isinstance(ir_version, int) or not isinstance(graph, bytes) or not opsets:
        raise ContractError("there is no IR version, no graph or no operator set")
    nodes = sum(1 for number, _ in _messages(graph) if number == _GRAPH_NODE)
    if not nodes:
        raise ContractError("the graph computes nothing")
    functions = [wire.expect_bytes(_FUNCTIONS, value) for value in parts.get(_FUNCTIONS, [])]
    external = _external(graph, 0) or any(_function_is_external(function) for function in functions)
    return OnnxModel(ir_version=ir_version, opsets=opsets, nodes=nodes, external=external)


def _once(parts: dict[int, list[int | bytes]], number: int) -> int | bytes | None:
    """A field that may stand once: readers would merge two, each in its own way."""
    values: list[int | bytes | None] = [*parts.get(number, [])] or [None]
    if len(values) > 1:
        raise ContractError(f"field {number} stands twice")
    return values[0]


def _function_is_external(function: bytes) -> bool:
    return any(number == _FUNCTION_NODE and _node_is_external(value, 0) for number, value in _messages(function))


def _opset(data: bytes) -> tuple[str, int]:
    domain, version = "", 0
    for number, wire_type, value in wire.fields(data):
        if number == 1:
            domain = wire.expect_bytes(number, value).decode("utf-8", "replace")
        elif number == 2:
            version = wire.expect_int(number, wire_type, value, wire.VARINT)
    return domain, version


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    return ((number, value) for number, _, value in wire.fields(data) if isinstance(value, bytes))


def _external(graph: bytes, depth: int) -> bool:
    if depth > _DEPTH:
        raise ContractError(f"graphs are nested more than {_DEPTH} levels deep")
    for number, value in _messages(graph):
        if number == _GRAPH_INITIALIZER and _tensor_is_external(value):
            return True
        if number == _GRAPH_SPARSE and any(_tensor_is_external(part) for _, part in _messages(value)):
            return True
        if number == _GRAPH_NODE and _node_is_external(value, depth):
            return True
    return False


def _node_is_external(node: bytes, depth: int) -> bool:
    for number, attribute in _messages(node):
        for part, value in _messages(attribute) if number == _NODE_ATTRIBUTE else ():
            if part in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS) and _tensor_is_external(value):
                return True
            if part in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS) and _external(value, depth + 1):
                return True
    return False


def _tensor_is_external(tensor: bytes) -> bool:
    for number, _, value in wire.fields(tensor):
        if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value == _EXTERNAL):
            return True
    return False
