# SPDX-License-Identifier: Apache-2.0
"""Read and inflate a request body within bounds. A small body that inflates to a huge one is cut off at the bound."""

import zlib
from collections.abc import AsyncIterator

from contracts.errors import ContractError


class TooLarge(ContractError):
    """A body beyond the bound, before or after decompression."""


async def read_body(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    """The body's bytes; TooLarge as soon as it passes ``limit``."""
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"the request is larger than {limit} bytes")
        parts.append(chunk)
    return b"".join(parts)


def inflate(body: bytes, limit: int) -> bytes:
    """Undo gzip; TooLarge beyond ``limit``, ContractError when it is not one whole gzip stream."""
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        data = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise ContractError(f"the body is not gzip: {error}") from error
    if len(data) > limit:
        raise TooLarge(f"the request inflates to more than {limit} bytes")
    if not inflater.eof or inflater.unused_data:
        raise ContractError("the gzip stream is cut off or followed by other bytes")
    return data
