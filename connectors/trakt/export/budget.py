"""How much of what a person named is read at most, counted over all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from connectors.errors import InputError
from connectors.words import count

if TYPE_CHECKING:
    from connectors.trakt.export.names import Name

CHUNK = 1 << 18
#: Below this size no ratio is suspicious: a short page of equal plays packs very well.
_RATIO_FROM = 10_000_000
_TEXT = frozenset({".json", ".txt", ".csv", ".tsv"})
_SMALLER = "Name the download itself, or only the files that hold the history."


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read at most: files, bytes once unpacked, and how well they pack.

    ``held_bytes`` bounds what one file becomes in memory, which no size of it tells.
    """

    members: int = 5_000
    member_bytes: int = 200_000_000
    total_bytes: int = 2_000_000_000
    ratio: int = 200
    held_bytes: int = 1_000_000_000


class Budget:
    """Counts what is read against the limits; one for all paths of a call."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._left = limits.total_bytes

    @property
    def longest_table(self) -> int:
        """How long the table of contents of an archive may be, in bytes."""
        return max(self.limits.members << 10, 4 * CHUNK)

    def check_members(self, members: int, container: str) -> None:
        """Refuse a container of too many files."""
        if members > self.limits.members:
            raise InputError(
                f"{container} holds more than {count(self.limits.members, 'file')}.",
                remedy=_SMALLER,
            )

    def read(
        self,
        stream: IO[bytes],
        name: Name,
        *,
        packed: int | None = None,
        is_named: bool = False,
    ) -> bytes | None:
        """Read a member to its end; ``packed`` is its size inside an archive."""
        pieces: list[bytes] = []
        size = 0
        while piece := stream.read(CHUNK):
            if not (pieces or is_named or _is_promising(name, piece)):
                return None
            pieces.append(piece)
            size += len(piece)
            self._left -= len(piece)
            self._check(size, name, packed)
        return b"".join(pieces)

    def _check(self, size: int, name: Name, packed: int | None) -> None:
        limits = self.limits
        if size > limits.member_bytes:
            raise InputError(
                f"{name.text} is larger than {count(limits.member_bytes, 'byte')}.",
                remedy=_SMALLER,
            )
        if self._left < 0:
            raise InputError(
                f"There is more than {count(limits.total_bytes, 'byte')} to read.",
                remedy=_SMALLER,
            )
        if packed is not None and size > max(_RATIO_FROM, limits.ratio * packed):
            raise InputError(
                f"{name.text} unpacks to over {count(limits.ratio, 'time')} its size, "
                "as no download from Trakt does.",
                remedy="Make the download again.",
            )


def _is_promising(name: Name, start: bytes) -> bool:
    if name.suffix in _TEXT:
        return True
    return start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{")
