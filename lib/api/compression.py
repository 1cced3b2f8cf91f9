"""Decompress a body that a server compressed although nobody asked for it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import httpx

from lib.api.wire import GARBLED_ADVICE
from lib.errors import Unintelligible

_PLAIN, _COMPRESSED = ("", "identity"), ("gzip", "x-gzip", "deflate")


def iter_decompressed(response: httpx.Response) -> Iterator[bytes]:
    """Yield the body as it arrives, and what precedes an error before that error.

    Raises Unintelligible for an unknown compression, and for two: a few bytes could then become gigabytes. Raises
    httpx.DecodingError for a broken one.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in _PLAIN:
        yield from response.iter_raw()
    elif encoding in _COMPRESSED:
        yield from _decompress(response.iter_raw())
    else:
        raise Unintelligible(
            f"The server compressed its reply in a way that was not asked for ({encoding[:40]}).",
            advice=GARBLED_ADVICE,
        )


def _decompress(pieces: Iterator[bytes]) -> Iterator[bytes]:
    decompressor = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or deflate, by the header
    for piece in pieces:
        before = decompressor.copy()
        try:
            yield decompressor.decompress(piece)
        except zlib.error:
            # zlib drops its output on an error: byte by byte, all that precedes the broken byte is kept, however the
            # network cut the body.
            try:
                for position in range(len(piece)):
                    yield before.decompress(piece[position : position + 1])
            except zlib.error:
                raise httpx.DecodingError("broken compression") from None
