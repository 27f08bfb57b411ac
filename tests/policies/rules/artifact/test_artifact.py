# SPDX-License-Identifier: Apache-2.0
"""The artifact is judged by its bytes, its origins by what the card says of them."""

import contextlib
import pickle
from typing import Any

import msgspec
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from contracts import wire
from contracts.errors import ContractError
from policies.rules.artifact import file_format, upstream_models
from policies.rules.artifact.onnx_model import read_onnx
from policies.targets.bundle import BundleTarget
from tests.policies.examples import CARDS, bundle, released, run

GOOD = released("telecom-churn").artifact
FORGED = onnx.load_from_string(GOOD)


def carrying(data: bytes) -> BundleTarget:
    """The reference bundle with other bytes under the artifact's name."""
    whole = bundle()
    return msgspec.structs.replace(whole, files={**whole.files, whole.card.artifact.file: data})


def changed(change: Any) -> bytes:
    """A reference model, changed through ONNX's own classes."""
    model = onnx.ModelProto()
    model.CopyFrom(FORGED)
    change(model)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("card", CARDS)
def test_the_reference_models_are_what_onnx_says_they_are(card: str) -> None:
    """Our reading of the header is that of the library, and the rule passes by it."""
    data = released(card).artifact
    mine, theirs = read_onnx(data), onnx.load_from_string(data)
    assert mine.ir_version == theirs.ir_version
    assert mine.opsets == {item.domain: item.version for item in theirs.opset_import}
    assert mine.nodes == len(theirs.graph.node)
    assert file_format.check(bundle(card=card), run()).findings == ()


def external(model: Any) -> None:
    """Move a tensor of the graph into another file."""
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    model.graph.initializer.append(tensor)


def external_in_a_branch(model: Any) -> None:
    """Hide it in the branch of a node."""
    inner = onnx.GraphProto()
    inner.CopyFrom(model.graph)
    carrier = onnx.ModelProto(graph=inner)
    external(carrier)
    model.graph.node.append(helper.make_node("If", ["c"], ["o"], then_branch=carrier.graph, else_branch=inner))


def foreign(model: Any) -> None:
    """Ask for operators that somebody else would have to bring."""
    model.opset_import.append(helper.make_opsetid("com.example", 1))


@pytest.mark.parametrize(
    ("data", "message", "seen"),
    [
        (pickle.dumps({"a": 1}), "no ONNX model", "a pickle"),
        (pickle.dumps([1], protocol=0), "no ONNX model", "a pickle"),
        (b"PK\x03\x04" + bytes(40), "no ONNX model", "a ZIP archive"),
        (b"\x10\x00\x00\x00\x00\x00\x00\x00{}" + bytes(20), "no ONNX model", "a safetensors file"),
        (b"", "no ONNX model", "an unknown format"),
        (GOOD[:-1], "no ONNX model", "an unknown format"),
        (GOOD + wire.bytes_field(7, b""), "field 7 stands twice", "an unknown format"),
        (GOOD + wire.bytes_field(99, b"x"), "field 99 is none of an ONNX model", "an unknown format"),
        (changed(external), "tensors in another file", "external data"),
        (changed(external_in_a_branch), "tensors in another file", "external data"),
        (changed(foreign), "operators of a foreign domain", "com.example"),
        (changed(lambda model: model.graph.ClearField("node")), "computes nothing", "an unknown format"),
        (changed(lambda model: model.ClearField("ir_version")), "there is no IR version", "an unknown format"),
    ],
)
def test_bytes_decide_and_not_names(data: bytes, message: str, seen: str) -> None:
    """Whatever lies under the name `model.onnx` is called what it is."""
    (finding,) = [item for item in file_format.check(carrying(data), run()).findings if message in item.message]
    assert seen in str(finding.seen)
    assert finding.place.file.endswith("model.onnx")


def test_the_operator_set_is_the_card_s() -> None:
    """A card that names another one was written for another file."""
    (finding,) = file_format.check(bundle({"artifact": {"opset": 7}}), run()).findings
    assert finding.place.line > 1
    assert finding.seen == "7"


@given(data=st.binary(max_size=64) | st.binary(max_size=8).map(lambda tail: GOOD[:200] + tail))
def test_reading_never_fails_otherwise(data: bytes) -> None:
    """Any bytes are a model or are refused with a reason."""
    with contextlib.suppress(ContractError):
        assert read_onnx(data).nodes


def test_graphs_nested_without_end_are_refused() -> None:
    """The walk is bounded, so a hostile file is not a crash."""
    graph = b""
    for _ in range(40):
        graph = wire.bytes_field(1, wire.bytes_field(5, wire.bytes_field(6, graph)))
    model = wire.varint_field(1, 8) + wire.bytes_field(7, graph) + wire.bytes_field(8, wire.varint_field(2, 21))
    with pytest.raises(ContractError, match="nested more than"):
        read_onnx(model)


ENCODER: dict[str, Any] = {
    "name": "sentence encoder", "version": "2.1.0", "source": "the registry of its authors", "licence": "Apache-2.0",
    "sha256": "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
}  # fmt: skip


@pytest.mark.parametrize("patch", [{}, {"base_models": [ENCODER], "model_type": "fine-tuned encoder"}])
def test_origins_that_are_stated_pass(patch: dict[str, Any]) -> None:
    """An explicit nothing, and a model of others with its terms."""
    assert upstream_models.check(bundle(patch), run()).findings == ()


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"licence": None}, "licence is missing"),
        ({"licence": "TBD"}, "licence says nothing"),
        ({"base_models": None}, "base_models is missing"),
        ({"base_models": [{**ENCODER, "licence": "unknown"}]}, "base_models[0].licence says nothing"),
        ({"base_models": [{**ENCODER, "version": "latest"}]}, "has no version"),
        ({"base_models": [{key: text for key, text in ENCODER.items() if key != "sha256"}]}, "has no digest"),
        ({"base_models": [{**ENCODER, "source": ENCODER["name"]}]}, "base_models[0].source repeats"),
        ({"model_type": "logistic regression over BERT embeddings"}, "speaks of"),
    ],
)
def test_origins_that_are_missing_or_denied_are_found(patch: dict[str, Any], message: str) -> None:
    """A list that is empty, filled with placeholders or contradicted by the card."""
    found = upstream_models.check(bundle(patch), run()).findings
    assert any(message in finding.message for finding in found), found
