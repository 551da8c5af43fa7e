"""Reads the body of an answer, and never more of it than its client allows.

aiohttp unpacks each piece whole before anybody can look at it, and four packed
megabytes can be four gigabytes. Here unpacking stops at the cap as reading does. What
is packed can also be without end and hold nothing, so both sides are counted.
"""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import TYPE_CHECKING

import aiohttp

from connectors.decoding import outweighs

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What is asked for, and understood.
PACKED_AS = "gzip, deflate"
#: Of a refusal nothing but a short code is read.
MOST_OF_A_REFUSAL = 64_000
#: Packed, an honest body is shorter; nobody packs so badly that it is so much longer.
_MOST_LONGER = 1_000_000
#: Decoded, an honest answer takes some four times its bytes.
_MOST_WEIGHT = 8
#: So much is unpacked at once: after each member of it the rest is copied.
_STEP = 4_096
_EITHER, _BARE = zlib.MAX_WBITS | 32, -zlib.MAX_WBITS
#: So many bytes tell gzip and zlib from what is packed without a header.
_TELLING = 2
_UNPACKED = frozenset({"", "identity"})
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})


class PackedError(aiohttp.ClientError):
    """The body is packed in a way that cannot be undone."""


async def read_body(answer: aiohttp.ClientResponse, most: int) -> tuple[bytes, bool]:
    """Return the body, and whether there was more than may be.

    The connection is then closed, since what is still to come is read by nobody.
    """
    if answer.status >= 300:
        most = min(most, MOST_OF_A_REFUSAL)
    unpacker = _unpacker(answer)
    unpacked = BytesIO()
    left, longer = most, 0
    async for packed in answer.content.iter_any():
        longer += len(packed)
        for piece in unpacker.unpack(packed, left + 1):
            unpacked.write(piece)
            left -= len(piece)
            longer -= len(piece)
        if left < 0 or longer > _MOST_LONGER:
            break
    is_endless = left < 0 or longer > _MOST_LONGER
    unpacker.finish(is_cut=is_endless)
    body = unpacked.getvalue()
    if is_endless:
        answer.close()
    return body[:most], is_endless or outweighs(body, most * _MOST_WEIGHT)


class _Plain:
    def unpack(self, data: bytes, _most: int) -> Iterable[bytes]:
        return (data,)

    def finish(self, *, is_cut: bool) -> None:
        """Nothing is left open."""


class _Packed:
    """Undoes gzip and both things that are called deflate."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(_EITHER)
        self._has_begun = False
        #: What came before there was enough to tell how it is packed.
        self._start = b""

    def unpack(self, data: bytes, most: int) -> Iterable[bytes]:
        """Yield what comes out, at most that much and a piece."""
        data, self._start = self._start + data, b""
        if not self._has_begun and len(data) < _TELLING:
            self._start = data
            return
        for start in range(0, len(data), _STEP):
            rest = data[start : start + _STEP]
            while rest and most > 0:
                if self._zlib.eof:  # another member follows
                    self._zlib = zlib.decompressobj(_EITHER)
                piece = self._step(rest, most)
                step = self._zlib
                rest = step.unused_data if step.eof else step.unconsumed_tail
                most -= len(piece)
                yield piece

    def finish(self, *, is_cut: bool) -> None:
        """Raise where the end is missing."""
        is_begun = self._has_begun or self._start
        if is_begun and not is_cut and not self._zlib.eof:
            raise PackedError

    def _step(self, data: bytes, most: int) -> bytes:
        try:
            piece = self._zlib.decompress(data, most)
        except zlib.error:
            if self._has_begun:
                raise PackedError from None
            self._zlib = zlib.decompressobj(_BARE)
            self._has_begun = True
            return self._step(data, most)
        self._has_begun = True
        return piece


def _unpacker(answer: aiohttp.ClientResponse) -> _Plain | _Packed:
    how = answer.headers.get("Content-Encoding", "").strip().lower()
    if how in _UNPACKED:
        return _Plain()
    if how in _PACKED:
        return _Packed()
    raise PackedError
