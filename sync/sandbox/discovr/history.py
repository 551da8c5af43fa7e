"""The history list of Discovr's profiles: what POST, PATCH, DELETE and GET do to it."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sync.domain.plays import Key
from sync.sandbox.discovr.visibility import Visibility
from sync.sandbox.server.journal import Table, moment
from sync.sandbox.server.server import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sync.sandbox.discovr.quirks import DiscovrQuirks, Precision
    from sync.sandbox.server.journal import Journal

    #: What a list is sorted by, newest first.
    SortKey = tuple[str, int]

#: The service's own line, not the program's constant: if that moves, tests see it.
COMPLETED_FROM = 80


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One entry as the service keeps it. ``number`` is the order of creation.

    ``progress`` None: none was sent. ``count`` grows only where repeats are merged.
    """

    number: int
    profile: str
    key: Key
    updated_at: datetime
    created_at: datetime
    progress: float | None = None
    imported: str | None = None
    count: int = 1

    @classmethod
    def load(cls, row: dict[str, Any]) -> StoredEntry:
        """Read a row of the journal."""
        times = {name: moment(row[name]) for name in ("updated_at", "created_at")}
        return cls(**{**row, **times, "key": Key(*row["key"])})


class Viewing(NamedTuple):
    """What a POST says."""

    key: Key
    updated_at: datetime | None = None
    progress: float | None = None
    imported: str | None = None


class HistoryBook:
    """The entries of all profiles, under one set of quirks."""

    def __init__(
        self, journal: Journal, quirks: DiscovrQuirks, now: Callable[[], datetime]
    ) -> None:
        self._table = Table(journal, "entries", StoredEntry.load)
        self._quirks = quirks
        self._now = now
        self.visibility = Visibility(quirks, now)
        self._by_season: dict[tuple[str, str, int | None], set[int]] = {}
        self._by_profile: defaultdict[str, dict[int, StoredEntry]] = defaultdict(dict)
        self._sorted: dict[str, list[StoredEntry]] = {}
        self._last_number = 0
        for entry in self._table.rows.values():
            self._index(entry)

    def entries(self, profile: str) -> list[StoredEntry]:
        """Return the entries of a profile in the order of their creation."""
        return [*self._by_profile[profile].values()]

    def of_season(
        self, profile: str, media: str, season: int | None
    ) -> list[StoredEntry]:
        """Return the entries of one film, or of one season with its defaults."""
        numbers = self._by_season.get((profile, media, season), ())
        return [self._table.rows[str(number)] for number in sorted(numbers)]

    def of_key(self, profile: str, key: Key) -> list[StoredEntry]:
        """Return the entries of exactly one key, oldest creation first."""
        season = self.of_season(profile, key.media, key.season)
        return [entry for entry in season if entry.key == key]

    def add(self, profile: str, viewing: Viewing) -> None:
        """Append a viewing, as POST does."""
        quirks, now = self._quirks, self._now()
        sent = now if quirks.ignores_time else viewing.updated_at
        updated_at = to_precision(sent or now, quirks.precision)
        entry = StoredEntry(
            number=self.next_number(),
            profile=profile,
            key=viewing.key,
            updated_at=updated_at,
            created_at=updated_at if quirks.created_at_follows else now,
            progress=viewing.progress,
            imported=None if quirks.drops_label else viewing.imported,
        )
        same = [
            e for e in self.of_key(profile, viewing.key) if e.updated_at == updated_at
        ]
        if quirks.post_upserts and same:
            self.put(replace(entry, number=same[0].number, count=same[0].count))
        else:
            self.append(entry)

    def append(self, entry: StoredEntry) -> None:
        """Store a new entry beside, or merged with, the others of its key."""
        repeats = self.of_key(entry.profile, entry.key)
        if self._quirks.repeats == "merged" and repeats:
            self.put(self._merged(repeats[0], entry))
        else:
            self.put(entry)

    def set_progress(self, profile: str, key: Key, progress: float) -> None:
        """Upsert, as PATCH does."""
        quirks, now = self._quirks, to_precision(self._now(), self._quirks.precision)
        repeats = self.of_key(profile, key)
        if not repeats:
            number = self.next_number()
            self.put(StoredEntry(number, profile, key, now, now, progress))
            return
        newest = max(repeats, key=recency)
        oldest = min(repeats, key=recency)
        targets = {
            "newest": [newest],
            "oldest": [oldest],
            "all": repeats,
            "single": [newest],
        }[quirks.patch_target]
        for entry in targets:
            updated_at = now if quirks.patch_moves_time else entry.updated_at
            follows = quirks.created_at_follows
            self.put(
                replace(
                    entry,
                    progress=progress,
                    updated_at=updated_at,
                    created_at=updated_at if follows else entry.created_at,
                    imported=None if quirks.patch_drops_label else entry.imported,
                )
            )
        if quirks.patch_target == "single":
            self.drop(entry for entry in repeats if entry is not newest)

    def removable(self, profile: str, key: Key) -> list[StoredEntry]:
        """Return what a DELETE on that key takes away."""
        whole_season = self._quirks.delete_without_episode == "season"
        if key.season is not None and key.episode is None and whole_season:
            return self.of_season(profile, key.media, key.season)
        repeats = self.of_key(profile, key)
        if self._quirks.delete_repeats == "newest" and repeats:
            return [max(repeats, key=recency)]
        return repeats

    def put(self, entry: StoredEntry) -> None:
        """Store an entry as it stands."""
        self._table.put(str(entry.number), entry)
        self.visibility.note(entry)
        self._index(entry)

    def drop(self, entries: Iterable[StoredEntry]) -> None:
        """Remove entries."""
        for entry in entries:
            self._table.drop(str(entry.number))
            season = (entry.profile, entry.key.media, entry.key.season)
            self._by_season[season].discard(entry.number)
            del self._by_profile[entry.profile][entry.number]
            self._sorted.pop(entry.profile, None)

    def next_number(self) -> int:
        """Return the number of the next entry."""
        return self._last_number + 1

    def newest_first(self, profile: str) -> list[StoredEntry]:
        """Return all entries in the order of the big list."""
        if profile not in self._sorted:
            entries = self.entries(profile)
            entries.sort(key=self.sort_key, reverse=True)
            self._sorted[profile] = entries
        return self._sorted[profile]

    def sort_key(self, entry: StoredEntry) -> SortKey:
        """Return what the big list is sorted by."""
        is_by_update = self._quirks.order == "updated"
        at = entry.updated_at if is_by_update else entry.created_at
        return (at.isoformat(timespec="microseconds"), entry.number)

    def _merged(self, old: StoredEntry, new: StoredEntry) -> StoredEntry:
        newer = new if new.updated_at >= old.updated_at else old
        follows = self._quirks.created_at_follows
        created_at = newer.updated_at if follows else old.created_at
        count = old.count + 1
        return replace(newer, number=old.number, created_at=created_at, count=count)

    def _index(self, entry: StoredEntry) -> None:
        season = (entry.profile, entry.key.media, entry.key.season)
        self._by_season.setdefault(season, set()).add(entry.number)
        self._by_profile[entry.profile][entry.number] = entry
        self._last_number = max(self._last_number, entry.number)
        self._sorted.pop(entry.profile, None)


def page_after(
    entries: Sequence[StoredEntry],
    sort_key: Callable[[StoredEntry], SortKey],
    cursor: str | None,
    limit: int,
    *,
    shifting: bool,
) -> tuple[Sequence[StoredEntry], str | None]:
    """Cut one page out of a list, and return the cursor of the next if there is one.

    A stable cursor names the last entry seen; a shifting one only counts, so that
    entries added meanwhile move the ones behind them.
    """
    start = 0 if cursor is None else _position(entries, sort_key, cursor)
    page = entries[start : start + limit]
    if start + limit >= len(entries):
        return page, None
    last = start + limit if shifting else sort_key(page[-1])
    token = base64.urlsafe_b64encode(json.dumps(last).encode()).decode()
    return page, token.rstrip("=")


def _position(
    entries: Sequence[StoredEntry],
    sort_key: Callable[[StoredEntry], SortKey],
    cursor: str,
) -> int:
    try:
        last = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if isinstance(last, int):
            return last
        seen: SortKey = (str(last[0]), int(last[1]))
    except (ValueError, TypeError, LookupError):
        raise RefusedError(400, "INVALID_CURSOR", "Unknown page token.") from None
    return next((i for i, e in enumerate(entries) if sort_key(e) < seen), len(entries))


def to_precision(at: datetime, precision: Precision) -> datetime:
    """Cut an instant to the precision that the service keeps."""
    at = at.astimezone(UTC)
    if precision == "milliseconds":
        return at.replace(microsecond=at.microsecond // 1000 * 1000)
    if precision == "seconds":
        return at.replace(microsecond=0)
    return at.replace(second=0, microsecond=0)


def recency(entry: StoredEntry) -> SortKey:
    """Return what the list of one title is sorted by."""
    return (entry.updated_at.isoformat(timespec="microseconds"), entry.number)
