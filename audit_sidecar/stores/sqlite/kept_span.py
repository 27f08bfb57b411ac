# SPDX-License-Identifier: Apache-2.0
"""How a span is kept in few bytes, and given back byte for byte.

Ids and times that the leaf's row holds already are left out, and the rest is compressed with a dictionary that was
trained on synthetic spans alone. Each row names its dictionary, so that later ones can be added; none is ever changed
or removed. Number 0 = kept as it is. What a damaged row gives instead of its span does not open the commitment.
"""

from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

import zstandard

from contracts.errors import ContractError
from contracts.identifiers import uuid_text
from contracts.leaf import Leaf
from contracts.timestamps import format_time
from contracts.wire import read_varint, varint

PLAIN: Final = 0
NEWEST: Final = 1
_FILES: Final = {1: "spans-1.zdict"}
_LONGEST: Final = 64 << 20
"""No receiver takes a longer span; a damaged row cannot ask for more memory."""
_ESCAPE: Final = b"\xff\xfe"
_IDS: Final = _ESCAPE + b"\x01"
_REQUEST: Final = _ESCAPE + b"\x02"
_CLOCK: Final = _ESCAPE + b"\x03"
_END: Final = _ESCAPE + b"\x04"


class KeptSpan(NamedTuple):
    """A span as a row holds it."""

    dictionary: int
    data: bytes


class _Codec:
    """One dictionary with its compressor and decompressor."""

    def __init__(self, number: int) -> None:
        file = files("audit_sidecar.stores.sqlite").joinpath(_FILES[number])
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

    def pack(self, span: bytes, leaf: Leaf) -> KeptSpan:
        """The row's form of the span of this leaf."""
        if _ESCAPE in span:
            return KeptSpan(PLAIN, span)
        short = abridge(span, leaf)
        packed = varint(len(short)) + self._codec(NEWEST).compress(short)
        return KeptSpan(NEWEST, packed) if len(packed) < len(span) else KeptSpan(PLAIN, span)

    def unpack(self, kept: KeptSpan, leaf: Leaf) -> bytes:
        """The span; the row's bytes as they are when they cannot be unpacked."""
        if kept.dictionary not in _FILES:
            return kept.data
        try:
            length, start = read_varint(kept.data, 0)
            if length > _LONGEST:
                return kept.data
            short = self._codec(kept.dictionary).decompress(kept.data[start:], max_output_size=length)
        except (ContractError, zstandard.ZstdError):
            return kept.data
        return _restore(short, leaf)


def abridge(span: bytes, leaf: Leaf) -> bytes:
    """The span with marks for what its leaf says; it must not hold `_ESCAPE`."""
    for mark, known in _known(leaf):
        span = span.replace(known, mark, 1)
    return span


def _restore(short: bytes, leaf: Leaf) -> bytes:
    # In the opposite order: an id or a time may hold any bytes, even those of a mark that was set before.
    for mark, known in reversed(_known(leaf)):
        short = short.replace(mark, known, 1)
    return short


def _known(leaf: Leaf) -> tuple[tuple[bytes, bytes], ...]:
    # Fields 1, 2 and 8 of a Span as every encoder writes them, and the texts that an answer repeats.
    return (
        (_IDS, b"\x0a\x10" + leaf.trace + b"\x12\x08" + leaf.span),
        (_CLOCK, b"\x41" + leaf.time.to_bytes(8, "little")),
        (_REQUEST, uuid_text(leaf.trace).encode()),
        (_END, format_time(leaf.time).encode()),
    )
