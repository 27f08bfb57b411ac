# SPDX-License-Identifier: Apache-2.0
"""The leaf: what the Merkle log holds of a record. Canonical JSON, no personal data, every field from the payload."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from contracts import semconv
from contracts.canonical import parse_json
from contracts.errors import ContractError
from contracts.evidence import read_ids, read_origin, read_record
from contracts.identifiers import parse_uuid, uuid_text
from contracts.payload import Payload
from contracts.timestamps import format_time, parse_time

_HEX = {name: re.compile(rf"[0-9a-f]{{{digits}}}") for name, digits in
        (("commitment", 64), ("release", 64), ("span", 16), ("trace", 32))}  # fmt: skip


class Leaf(NamedTuple):
    """One leaf. Ids and digests are raw bytes, time is unix nanoseconds. Foreign spans lack the optional four."""

    commitment: bytes
    kind: str
    span: bytes
    time: int
    trace: bytes
    id: bytes | None = None
    release: bytes | None = None
    seq: int | None = None
    stream: bytes | None = None


def leaf_text(leaf: Leaf) -> bytes:
    """The canonical JSON that is hashed into the log. Keys stand in sorted order; values need no escaping."""
    about = f'"id":"{uuid_text(leaf.id)}",' if leaf.id is not None else ""
    release = f'"release":"{leaf.release.hex()}",' if leaf.release is not None else ""
    seq = f'"seq":{leaf.seq},' if leaf.seq is not None else ""
    stream = _stream_member(leaf.stream) if leaf.stream is not None else ""
    return (
        f'{{"commitment":"{leaf.commitment.hex()}",{about}"kind":"{leaf.kind}",{release}{seq}'
        f'"span":"{leaf.span.hex()}",{stream}"time":"{format_time(leaf.time)}","trace":"{leaf.trace.hex()}","v":1}}'
    ).encode("ascii")


class PredictionLeaves:
    """Leaf texts of one stream's predictions: as `leaf_text` gives them, with what they share written once."""

    __slots__ = ("_after_span", "_before_seq")

    def __init__(self, release: bytes, stream: bytes) -> None:
        self._before_seq = f'","kind":"prediction","release":"{release.hex()}","seq":'
        self._after_span = f'",{_stream_member(stream)}"time":"'

    def text(self, commitment: bytes, seq: int, span: bytes, time: int, trace: bytes) -> bytes:
        """The text of a prediction's leaf, whose id is its trace id."""
        digits = trace.hex()
        return (
            f'{{"commitment":"{commitment.hex()}","id":"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-'
            f'{digits[20:]}{self._before_seq}{seq},"span":"{span.hex()}{self._after_span}{format_time(time)}",'
            f'"trace":"{digits}","v":1}}'
        ).encode("ascii")


@lru_cache(maxsize=256)
def _stream_member(stream: bytes) -> str:
    # Many records follow each other in one stream.
    return f'"stream":"{uuid_text(stream)}",'


def parse_leaf(text: bytes) -> Leaf:
    """Read a leaf; ContractError unless it is exactly the canonical text of a version 1 leaf."""
    members = parse_json(text)
    if not isinstance(members, dict) or members.get("v") != 1:
        raise ContractError("a leaf is a JSON object with v 1")
    kind, seq = members.get("kind"), members.get("seq")
    if kind not in semconv.RECORD_KINDS or not (seq is None or (type(seq) is int and seq >= 0)):
        raise ContractError("a leaf has a known kind and a seq from 0")
    leaf = Leaf(
        commitment=_hex(members, "commitment"),
        kind=kind,
        span=_hex(members, "span"),
        time=parse_time(_string(members, "time")),
        trace=_hex(members, "trace"),
        id=parse_uuid(_string(members, "id")) if "id" in members else None,
        release=_hex(members, "release") if "release" in members else None,
        seq=seq,
        stream=parse_uuid(_string(members, "stream")) if "stream" in members else None,
    )
    # One comparison refuses unknown members, other spacing, other key order and other spellings of a time.
    if leaf_text(leaf) != text:
        raise ContractError("the leaf is not in canonical form")
    _require_shape(leaf)
    return leaf


def _require_shape(leaf: Leaf) -> None:
    of_producer = (leaf.release, leaf.seq, leaf.stream)
    if leaf.kind == "span":
        if of_producer != (None, None, None) or leaf.id is not None:
            raise ContractError("the leaf of a foreign span names no stream, release, sequence number or request")
    elif None in of_producer:
        raise ContractError(f"the leaf of a {leaf.kind} names its stream, release and sequence number")
    if leaf.kind in semconv.REQUEST_KINDS and leaf.id != leaf.trace:
        raise ContractError(f"the id of a {leaf.kind} is its trace id")
    if leaf.time >> 64:
        raise ContractError("the leaf's time lies beyond what a span can say")


def derive_leaf(payload: Payload, commitment: bytes, kind: str) -> Leaf:
    """The leaf of a payload. ``kind`` `span` takes any payload; any other kind must be what the payload says.

    Raises ContractError when the payload is malformed or says another kind.
    """
    if kind == "span":
        trace, span, time = read_ids(payload.span)
        return Leaf(commitment, kind, span, time, trace)
    origin = read_origin(payload.context)
    record = read_record(payload.span)
    if record.kind != kind:
        raise ContractError(f"the leaf says {kind}, its payload {record.kind}")
    view = record.span
    return Leaf(
        commitment, kind, view.span_id, view.end, view.trace_id,
        record.request_id, origin.release, record.sequence, origin.stream,
    )  # fmt: skip


def _string(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise ContractError(f"the leaf's {name} is missing or not a string")
    return value


def _hex(members: dict[str, Any], name: str) -> bytes:
    value = _string(members, name)
    if _HEX[name].fullmatch(value) is None:
        raise ContractError(f"the leaf's {name} is not lower-case hex of the right length")
    return bytes.fromhex(value)
