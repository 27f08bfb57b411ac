# SPDX-License-Identifier: Apache-2.0
"""A leaf is one canonical text, and every field of it follows from the payload."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import semconv
from contracts.canonical import canonical_json
from contracts.errors import ContractError
from contracts.identifiers import uuid_text
from contracts.leaf import Leaf, PredictionLeaves, derive_leaf, leaf_text, parse_leaf
from contracts.otlp import EvidenceSpan, encode_resource, encode_span, with_sequence
from contracts.payload import Payload, PayloadContext
from contracts.wire import bytes_field
from tests.contracts.spans import SPAN, UINT64, mutated, raw

STREAM = bytes.fromhex("0199a3f2c0007000800000000000000a")
REQUEST = bytes.fromhex("0199a3f2c1007000800000000000000b")
CONTEXT = PayloadContext(
    encode_resource({semconv.SERVICE_INSTANCE_ID: uuid_text(STREAM), semconv.RELEASE_DIGEST: "cd" * 32}),
    None, None, None,
)  # fmt: skip


@st.composite
def leaves(draw: st.DrawFn) -> Leaf:
    """Any leaf that some payload gives."""
    kind = draw(st.sampled_from(semconv.RECORD_KINDS))
    bare = Leaf(draw(raw(32)), kind, draw(raw(8)), draw(UINT64), draw(raw(16)))
    if kind == "span":
        return bare
    about = bare.trace if kind in semconv.REQUEST_KINDS else draw(st.none() | raw(16))
    return bare._replace(id=about, release=draw(raw(32)), seq=draw(st.integers(0, (1 << 63) - 1)), stream=draw(raw(16)))


LEAF = leaves()
EXAMPLE = Leaf(bytes(32), "prediction", bytes(8), 1, bytes(16), bytes(16), bytes(32), 7, bytes(16))


@given(LEAF)
def test_a_leaf_reads_back(leaf: Leaf) -> None:
    """Round trip, canonical, ASCII and far below the 65,535 bytes of an entry."""
    text = leaf_text(leaf)
    assert parse_leaf(text) == leaf
    assert canonical_json(json.loads(text)) == text
    assert len(text) < 1000


@given(raw(32), raw(16), st.lists(LEAF, max_size=3))
def test_a_stream_s_predictions_have_the_same_text(release: bytes, stream: bytes, leaves: list[Leaf]) -> None:
    """Byte for byte that of any leaf."""
    texts = PredictionLeaves(release, stream)
    for leaf in leaves:
        whole = leaf._replace(kind="prediction", id=leaf.trace, release=release, seq=leaf.time >> 1, stream=stream)
        assert texts.text(whole.commitment, leaf.time >> 1, leaf.span, leaf.time, leaf.trace) == leaf_text(whole)


def test_a_leaf_by_example() -> None:
    """Every member where a reader expects it."""
    assert json.loads(leaf_text(EXAMPLE)) == {
        "commitment": "00" * 32, "id": "00000000-0000-0000-0000-000000000000", "kind": "prediction",
        "release": "00" * 32, "seq": 7, "span": "00" * 8, "stream": "00000000-0000-0000-0000-000000000000",
        "time": "1970-01-01T00:00:00.000000001Z", "trace": "00" * 16, "v": 1,
    }  # fmt: skip


def test_every_changed_bit_of_a_leaf_is_another_leaf_or_none() -> None:
    """No two texts stand for one leaf."""
    text = leaf_text(EXAMPLE)
    for bit in range(8 * len(text)):
        changed = bytearray(text)
        changed[bit // 8] ^= 1 << bit % 8
        with suppress(ContractError):
            assert parse_leaf(bytes(changed)) != EXAMPLE


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2}, {"v": True}, {"v": None}, {"v": "1"}, {"v": 1.0}, {"kind": "guess"}, {"kind": None},
        {"kind": ["span"]},
        {"seq": -1}, {"seq": True}, {"seq": "7"}, {"seq": 1.5}, {"seq": None}, {"id": None}, {"id": "x"},
        {"time": "1970-01-01T00:00:00Z"}, {"time": 1}, {"time": "1970-01-01T00:00:00.000000001+00:00"},
        {"commitment": "00" * 31}, {"commitment": "AA" * 32}, {"span": 0}, {"trace": None}, {"release": "0" * 63},
        {"stream": "0" * 32}, {"extra": 1}, {"kind": "span"}, {"id": "00000000-0000-0000-0000-000000000001"},
        {"time": "2600-01-01T00:00:00.000000000Z"},
    ],
)  # fmt: skip
def test_a_leaf_that_says_otherwise_is_refused(changes: dict[str, object]) -> None:
    """Wrong versions, types, spellings and further members, in otherwise canonical JSON."""
    members = json.loads(leaf_text(EXAMPLE)) | changes
    with pytest.raises(ContractError):
        parse_leaf(json.dumps(members, sort_keys=True, separators=(",", ":")).encode())


@pytest.mark.parametrize("member", ["stream", "release", "seq", "id"])
def test_a_producers_leaf_lacks_nothing(member: str) -> None:
    """A leaf that no payload can give is refused."""
    members = json.loads(leaf_text(EXAMPLE))
    del members[member]
    with pytest.raises(ContractError):
        parse_leaf(canonical_json(members))


@pytest.mark.parametrize("text", [b"", b"[]", b"1", b"null", leaf_text(EXAMPLE) + b"\n", b" " + leaf_text(EXAMPLE),
                                  leaf_text(EXAMPLE).decode().encode("utf-16")])  # fmt: skip
def test_other_text_is_no_leaf(text: bytes) -> None:
    """Neither other JSON nor other white space nor another encoding."""
    with pytest.raises(ContractError):
        parse_leaf(text)


@given(st.data(), LEAF)
def test_damaged_leaves_are_refused_or_other_leaves(data: st.DataObject, leaf: Leaf) -> None:
    """Nothing but ContractError."""
    changed = data.draw(mutated(leaf_text(leaf)))
    with suppress(ContractError):
        assert leaf_text(parse_leaf(changed)) == changed


@pytest.mark.parametrize("kind", [kind for kind in semconv.RECORD_KINDS if kind != "span"])
def test_a_producers_leaf_is_what_its_payload_says(kind: str) -> None:
    """Kind, ids, time, stream, release and sequence number, and the request it is about."""
    about = {} if kind in semconv.REQUEST_KINDS else {semconv.TARGET_ID: uuid_text(REQUEST)}
    span = EvidenceSpan(kind, REQUEST, b"12345678", "x", 1, 99, about)
    payload = Payload(CONTEXT, with_sequence(encode_span(span), 4))
    expected = Leaf(bytes(32), kind, b"12345678", 99, REQUEST, REQUEST, b"\xcd" * 32, 4, STREAM)
    assert derive_leaf(payload, bytes(32), kind) == expected
    for other in ("prediction", "heartbeat"):
        if other != kind:
            with pytest.raises(ContractError, match="the leaf says"):
                derive_leaf(payload, bytes(32), other)
    foreign = Leaf(bytes(32), "span", b"12345678", 99, REQUEST)
    assert derive_leaf(payload, bytes(32), "span") == foreign, "as a foreign span, its claims are not read"


@given(SPAN, st.binary(max_size=30))
def test_a_foreign_span_needs_ids_and_nothing_else(span: EvidenceSpan, rest: bytes) -> None:
    """Whatever a stranger's attributes and Resource are, its leaf holds ids and time."""
    payload = Payload(PayloadContext(rest, rest, rest, rest), encode_span(span) + bytes_field(9, rest))
    assert derive_leaf(payload, bytes(32), "span") == Leaf(bytes(32), "span", span.span_id, span.end, span.trace_id)


@given(st.data(), st.sampled_from(semconv.RECORD_KINDS))
def test_deriving_from_damaged_payloads_never_fails_otherwise(data: st.DataObject, kind: str) -> None:
    """ContractError or a leaf."""
    span = with_sequence(encode_span(EvidenceSpan("prediction", REQUEST, b"12345678", "x", 1, 2, {})), 0)
    payload = Payload(CONTEXT._replace(resource=data.draw(mutated(CONTEXT.resource or b""))), data.draw(mutated(span)))
    try:
        leaf = derive_leaf(payload, bytes(32), kind)
    except ContractError:
        return
    assert parse_leaf(leaf_text(leaf)) == leaf
