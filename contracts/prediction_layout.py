# SPDX-License-Identifier: Apache-2.0
"""The few facts that a prediction is placed and found by, read in one pass from a span as the service writes it.

Every byte of the span is accounted for: fields and attributes in the order of `contracts.prediction` and
`contracts.otlp`, lengths that fit, text that is UTF-8, nothing twice. So what is returned is what the walk over every
field finds, and wherever that walk might find something else or refuse, or a stock decoder refuse, the answer is
None. Standard library only.
"""

import struct
from typing import Final

from contracts import semconv
from contracts.errors import ContractError
from contracts.wire import bytes_field, read_varint, varint, varint_field

Places = tuple[int, int, int, int]
"""Where in the span its end's field, the subject, the answer and the score's eight bytes begin."""
Facts = tuple[bytes, bytes, int, int, str, str, float, Places]
"""Trace id, span id, end, sequence number, subject, label, score, and where they stand."""
_Fit = tuple[bytes, int, int]
"""Of a text attribute of one length: its bytes before the text, how many they are, and how many it has in all."""

_IDS: Final = struct.Struct("<2s16s2s8sBB")
_TIMES: Final = struct.Struct("<3sQBQ")
_SERVER: Final = b"\x30\x02\x39"
_LINK: Final = b"\x6a\x1c\x0a\x10"
_LINK_SPAN: Final = b"\x12\x08"
_LONGEST: Final = 1 << 14
"""Attributes from this many bytes on have longer lengths than are read here."""
_MOST_RECENT: Final = 16


def _key(name: str) -> bytes:
    return bytes_field(1, name.encode()) + b"\x12"


def _attribute(name: str, value: bytes) -> bytes:
    return bytes_field(9, _key(name) + varint(len(value)) + value)


class _Text:
    """A text attribute. ``fits`` is by the length that stands first, and filled when a length first comes."""

    __slots__ = ("fits", "key")

    def __init__(self, name: str) -> None:
        self.key = _key(name)
        self.fits: list[_Fit | None] = [None] * _LONGEST

    def fit(self, length: int) -> _Fit:
        """What an attribute of this length begins with; ContractError for a length that no text gives."""
        for overhead in (3, 4, 5):
            text = length - len(self.key) - overhead
            if text >= 0:
                head = self.head(text)
                if len(head) + text == length + 1 + len(varint(length)):
                    self.fits[length] = found = (head, len(head), len(head) + text)
                    return found
        raise ContractError(f"no text makes an attribute of {length} bytes")

    def head(self, text: int) -> bytes:
        """What stands before a text of this many bytes."""
        value = b"\x0a" + varint(text)
        inner = self.key + varint(len(value) + text) + value
        return b"\x4a" + varint(len(inner) + text) + inner

    def read(self, span: bytes, at: int) -> tuple[str, int]:
        """The text of the attribute at this place, and the place after it; ContractError when another stands there."""
        length = span[at + 1]
        if length >= 0x80:
            length = length & 0x7F | span[at + 2] << 7
        head, skip, whole = self.fits[length] or self.fit(length)
        if not span.startswith(head, at):
            raise ContractError("another attribute")
        return span[at + skip : at + whole].decode(), at + whole


class _Run:
    """Text attributes in a row that have few values: their bytes of late are compared before they are read."""

    __slots__ = ("_attributes", "_recent")

    def __init__(self, *names: str) -> None:
        self._attributes = tuple(_Text(name) for name in names)
        self._recent: list[tuple[bytes, str]] = []

    def read(self, span: bytes, at: int) -> tuple[str, int]:
        """The last text of the row, and the place after it; ContractError when the row is another."""
        for known, text in self._recent:
            if span.startswith(known, at):
                return text, at + len(known)
        start, text = at, ""
        for attribute in self._attributes:
            text, at = attribute.read(span, at)
        if at <= len(span):
            # Replaced and never changed, for another thread may be reading it.
            self._recent = [(span[start:at], text), *self._recent[: _MOST_RECENT - 1]]
        return text, at


_KIND: Final = _attribute(semconv.RECORD_KIND, bytes_field(1, b"prediction"))
_KIND_AND_SUBJECT: Final = _KIND + _Text(semconv.SUBJECT).head(32)
"""Up to the subject, which is a pseudonym of 32 digits."""
_FROM_END: Final = 9 + len(_KIND_AND_SUBJECT)
_WHO: Final = _Run(semconv.SUBJECT_KEY_ID, semconv.CALLER)
_INPUT: Final = _Text(semconv.INPUT)
_ANSWER: Final = _Text(semconv.ANSWER)
_LABEL: Final = _Run(semconv.PREDICTION_LABEL)
_SCORE_HEAD: Final = _attribute(semconv.PREDICTION_SCORE, b"\x21" + bytes(8))[:-8]
_STATUS: Final = _attribute(semconv.ANSWER_STATUS, varint_field(3, 200))
_SCORE: Final = struct.Struct(f"<{len(_SCORE_HEAD)}sd{len(_STATUS)}s")
_THRESHOLD_HEAD: Final = _attribute(semconv.PREDICTION_THRESHOLD, b"\x21" + bytes(8))[:-8]
_BEFORE_THRESHOLD: Final = (_Text(semconv.CLIENT_REQUEST_ID), _Text(semconv.BATCH_ID))
_AFTER_THRESHOLD: Final = (_Text(semconv.EXPLANATION), _Text(semconv.GUARDRAIL_ACTION))
_SEQUENCE: Final = {
    len(attribute): (attribute[:-size], len(attribute) - size)
    for size in range(1, 9)
    for attribute in (_attribute(semconv.STREAM_SEQ, b"\x18" + bytes(size)),)
}
"""By their length, attributes of a sequence number of up to 56 bits: what comes before the number, and its length."""


def read_prediction(span: bytes) -> Facts | None:
    """The facts of a prediction that was answered with 200, in our layout; None of any other span, valid or not."""
    try:
        lead, trace, middle, span_id, tag, length = _IDS.unpack_from(span)
        at = _IDS.size + length
        if lead != b"\x0a\x10" or middle != b"\x12\x08" or tag != 0x2A or length >= 0x80:
            return None
        span[_IDS.size : at].decode()
        server, _, end_tag, end = _TIMES.unpack_from(span, at)
        at += _TIMES.size
        if server != _SERVER or end_tag != 0x41 or not span.startswith(_KIND_AND_SUBJECT, at):
            return None
        found = _read_attributes(span, at + len(_KIND_AND_SUBJECT))
    except (struct.error, LookupError, UnicodeDecodeError, ContractError):
        return None
    return found and (trace, span_id, end, *found)


def _read_attributes(span: bytes, at: int) -> tuple[int, str, str, float, Places] | None:
    subject_at = at
    subject = span[at : at + 32].decode()
    _, at = _WHO.read(span, at + 32)
    _, at = _INPUT.read(span, at)
    answer_at = at
    _, at = _ANSWER.read(span, at)
    label, score_at = _LABEL.read(span, at)
    head, score, status = _SCORE.unpack_from(span, score_at)
    if head != _SCORE_HEAD or status != _STATUS:
        return None
    at = score_at + _SCORE.size
    if len(span) - at not in _SEQUENCE:
        at = _pass_optional(span, at)
    before, skip = _SEQUENCE[len(span) - at]
    if not span.startswith(before, at):
        return None
    number, stop = read_varint(span, at + skip)
    places = subject_at - _FROM_END, subject_at, answer_at, score_at + len(_SCORE_HEAD)
    return (number, subject, label, score, places) if stop == len(span) else None


def _pass_optional(span: bytes, at: int) -> int:
    for attribute in _BEFORE_THRESHOLD:
        if not span.startswith(_THRESHOLD_HEAD, at):
            at = _pass_text(span, at, attribute)
    if span.startswith(_THRESHOLD_HEAD, at):
        at += len(_THRESHOLD_HEAD) + 8
    for attribute in _AFTER_THRESHOLD:
        if len(span) - at not in _SEQUENCE:
            at = _pass_text(span, at, attribute)
    # A caller's trace, of which one with a state is left to the walk.
    if span.startswith(_LINK, at) and span.startswith(_LINK_SPAN, at + 20):
        at += 30
    return at


def _pass_text(span: bytes, at: int, attribute: _Text) -> int:
    """The place after the attribute, which is ``at`` where another one stands."""
    # Its length takes one byte or two.
    if span.startswith(attribute.key, at + 2) or span.startswith(attribute.key, at + 3):
        return attribute.read(span, at)[1]
    return at
