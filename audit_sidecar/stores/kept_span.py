# SPDX-License-Identifier: Apache-2.0
"""How a span is kept in few bytes, and given back byte for byte.

What the leaf's row and the payload's own row hold already is left out: ids, times, pseudonym and score. The rest is
compressed with a dictionary that was trained on synthetic spans alone. Each row names its dictionary, so that later
ones can be added; none is ever changed or removed. Number 0 = kept as it is. What a damaged row gives instead of its
span does not open the commitment.
"""

import struct
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

import zstandard

from audit_sidecar.stores.store import Finding
from contracts.errors import ContractError
from contracts.identifiers import uuid_text
from contracts.leaf import Leaf, leaf_text
from contracts.prediction_layout import Places
from contracts.wire import read_varint, varint

PLAIN: Final = 0
NEWEST: Final = 1
_FILES: Final = {1: "spans-1.zdict"}
_LONGEST: Final = 64 << 20
"""No receiver takes a longer span; a damaged row cannot ask for more memory."""
_FRAME: Final = b"\x00"
"""How our frames begin. One that begins otherwise may name a length, and so much memory would be taken for it."""
_DOUBLE: Final = struct.Struct("<d")
_ESCAPE: Final = b"\xff\xfe"
_MARKS: Final = tuple(_ESCAPE + bytes((number,)) for number in range(1, 7))
_IDS, _CLOCK, _SUBJECT, _REQUEST, _END, _SCORE = _MARKS
_BEFORE_CLOCK: Final = 28
"""Bytes of the ids, which stand first."""
_NOWHERE: Final = _ESCAPE
"""In no span that has marks."""
NOTHING: Final = Finding()

_Known = tuple[bytes, bytes, bytes, bytes, bytes, bytes]
"""What is known of a span besides its row's bytes: ids, clock, subject, request id, end and score, as `_MARKS` are."""


class KeptSpan(NamedTuple):
    """A span as a row holds it."""

    dictionary: int
    data: bytes


class _Codec:
    """One dictionary with its compressor and decompressor."""

    def __init__(self, number: int) -> None:
        file = files("audit_sidecar.stores").joinpath(_FILES[number])
        dictionary = zstandard.ZstdCompressionDict(file.read_bytes())
        # Frames without magic number, length, checksum and dictionary id: the row and the commitment say all that.
        parameters = zstandard.ZstdCompressionParameters.from_level(
            1, format=zstandard.FORMAT_ZSTD1_MAGICLESS,
            write_content_size=False, write_checksum=False, write_dict_id=False,
        )  # fmt: skip
        dictionary.precompute_compress(compression_params=parameters)
        self.compress = zstandard.ZstdCompressor(dict_data=dictionary, compression_params=parameters).compress
        self.decompress = zstandard.ZstdDecompressor(
            dict_data=dictionary, format=zstandard.FORMAT_ZSTD1_MAGICLESS
        ).decompress


class SpanKeeper:
    """Packs and unpacks. Use from one thread: compressors are not shared."""

    def __init__(self) -> None:
        self._codec = cache(_Codec)
        self._newest = self._codec(NEWEST).compress

    def pack(
        self, span: bytes, leaf: Leaf, finding: Finding = NOTHING, text: bytes = b"", places: Places | None = None
    ) -> KeptSpan:
        """The row's form of the span of this leaf, whose text may be given. The row must keep the finding too.

        ``places`` are right, and the finding what stands there, or None.
        """
        # The first byte alone is looked for much faster, and most spans do without it.
        if _ESCAPE[0] in span and _ESCAPE in span:
            return KeptSpan(PLAIN, span)
        short = (places and finding.score and _abridge_at(span, text, places)) or abridge(span, leaf, finding, text)
        packed = varint(len(short)) + self._newest(short)
        return KeptSpan(NEWEST, packed) if len(packed) < len(span) else KeptSpan(PLAIN, span)

    def unpack(self, kept: KeptSpan, leaf: Leaf, finding: Finding = NOTHING) -> bytes:
        """The span; the row's bytes as they are when they cannot be unpacked."""
        if kept.dictionary not in _FILES:
            return kept.data
        try:
            length, start = read_varint(kept.data, 0)
            if length > _LONGEST or not kept.data.startswith(_FRAME, start):
                return kept.data
            short = self._codec(kept.dictionary).decompress(kept.data[start:], max_output_size=length)
        except (ContractError, zstandard.ZstdError):
            return kept.data
        # No mark is in a span, so that each is in here once or not at all, and never arises from what is put back.
        for mark, known in zip(_MARKS, _known(leaf, finding, leaf_text(leaf)), strict=True):
            short = short.replace(mark, known, 1)
        return short


def _abridge_at(span: bytes, text: bytes, places: Places) -> bytes | None:
    """What `abridge` gives of a prediction whose leaf has this text; None when the answer repeats no id or no time."""
    clock, subject, answer, score = places
    request = span.find(text[87:123], answer, score)
    end = span.find(text[-81:-51], request, score)
    if request < 0 or end < 0:
        return None
    return b"".join(
        (
            _IDS, span[_BEFORE_CLOCK:clock], _CLOCK, span[clock + 9 : subject], _SUBJECT, span[subject + 32 : request],
            _REQUEST, span[request + 36 : end], _END, span[end + 30 : score], _SCORE, span[score + 8 :],
        )
    )  # fmt: skip


def abridge(span: bytes, leaf: Leaf, finding: Finding = NOTHING, text: bytes = b"") -> bytes:
    """The span with marks for what is known of it; it must not hold `_ESCAPE`."""
    parts: list[bytes] = []
    at = 0
    for mark, known in zip(_MARKS, _known(leaf, finding, text or leaf_text(leaf)), strict=True):
        found = span.find(known, at)
        if found >= 0:
            parts += (span[at:found], mark)
            at = found + len(known)
    parts.append(span[at:])
    return b"".join(parts)


def _known(leaf: Leaf, finding: Finding, text: bytes) -> _Known:
    # Fields 1, 2 and 8 of a Span as every encoder writes them; request id and end as an answer spells them, and so
    # does the leaf's text, at fixed places from its beginning and from its end.
    _, _, span_id, time, trace, about, _, _, _ = leaf
    subject, _, score, _ = finding
    return (
        b"\x0a\x10%b\x12\x08%b" % (trace, span_id),
        b"\x41" + time.to_bytes(8, "little"),
        subject.encode("utf-8", "surrogatepass") if subject else _NOWHERE,
        text[87:123] if about == trace else uuid_text(trace).encode(),
        text[-81:-51],
        # A row gives back neither the sign of a zero nor what is no number.
        _DOUBLE.pack(score) if score else _NOWHERE,
    )
