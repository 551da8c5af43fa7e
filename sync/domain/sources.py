"""Whose plays they are: which readings are of one account, and what each may say.

Only the source that brought an entry can lack it, and only in a reading that is not
older. A download and the account of one user are one source.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

#: What a ledger holds from before it noted sources.
LEGACY = ""
#: All that nobody can tell whose it is: files of unknown owner. It never lacks a thing.
UNKNOWN = "unknown"

_UUID = "uuid:"
#: By so much can clocks differ that are right, with a time zone forgotten.
_APART = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A source that a profile was filled from.

    ``channel`` names the way to it where that leads to one account at a time. ``owner``
    are the names of that account, none where they are not known. ``read_at`` is how new
    its newest reading is.
    """

    id: str
    channel: str = ""
    owner: frozenset[str] = frozenset()
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """Which source a reading is of; ``parts`` are the known ones that this one is."""

    id: str
    parts: tuple[SourceRecord, ...] = ()

    @property
    def read_at(self) -> datetime | None:
        """How new the newest reading of it is."""
        return max((p.read_at for p in self.parts if p.read_at), default=None)

    @property
    def owner(self) -> frozenset[str]:
        """All names of its account."""
        return frozenset(name for part in self.parts for name in part.owner)

    def is_outdated_by(self, read_at: datetime | None) -> bool:
        """Whether a reading of then is not older than any before."""
        newest = self.read_at
        return newest is None or (read_at is not None and read_at >= newest)


def without_times_ahead(
    records: Iterable[SourceRecord], read_at: datetime | None, now: datetime
) -> tuple[SourceRecord, ...]:
    """Take no source for read at a time that is still to come: a clock was wrong.

    Only a reading of ``now`` can tell; to one of long ago every other is newer.
    """
    if read_at is None or abs(read_at - now) > _APART:
        return tuple(records)
    latest = max(read_at, now) + _APART
    return tuple(
        replace(record, read_at=None)
        if record.read_at and record.read_at > latest
        else record
        for record in records
    )


def is_one_owner(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two sets of names are of one account; names change, uuids do not."""
    uuids = [{name for name in o if name.startswith(_UUID)} for o in (one, other)]
    if all(uuids):
        return bool(uuids[0] & uuids[1])
    return bool(one & other)


def resolve(
    known: Iterable[SourceRecord],
    channel: str,
    owner: frozenset[str],
    is_known_to_be: Callable[[str], bool],
) -> Resolution:
    """Tell which source a reading is of; of the known ones the last read goes first.

    ``is_known_to_be`` says whether the reading was made by the login of a known source,
    or has a play of it: by that an account is known whose name nobody noted.
    """
    if not channel and not owner:
        return Resolution(UNKNOWN, (SourceRecord(UNKNOWN),))

    records = [r for r in known if r.id not in (LEGACY, UNKNOWN)]
    latest = next((r for r in records if channel and r.channel == channel), None)

    def is_this(record: SourceRecord) -> bool:
        if record.owner and owner:
            return is_one_owner(record.owner, owner)
        return record == latest and (not owner or is_known_to_be(record.id))

    parts = [record for record in records if is_this(record)]
    # The way that leads to the account goes first: its name is the one that stays.
    parts.sort(key=lambda record: (record.channel != channel, record.id))
    if parts:
        return Resolution(parts[0].id, tuple(parts))
    name = min((n.partition(":")[2] for n in owner), key=len, default="")
    return Resolution(_new_id({r.id for r in records}, channel or "file", name))


def _new_id(taken: set[str], base: str, name: str) -> str:
    base = base.lower()
    wanted = [base] if base != "file" else []
    wanted += [f"{base}:{name}"] if name else []
    number = 2
    for candidate in wanted:
        if candidate not in taken:
            return candidate
    while f"{base}:{number}" in taken:
        number += 1
    return f"{base}:{number}"
