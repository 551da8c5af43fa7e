"""Records that are there and cannot be read: kept, told of, and held to be there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.domain.desired import media_id
from sync.domain.histories import TitleHistory
from sync.domain.plays import Key, Kind
from sync.ledger.records import UnreadableRow
from sync.ports import told_apart
from sync.runtime.version import program_version

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sync.domain.desired import Desired
    from sync.domain.plays import Title
    from sync.ledger import Ledger
    from sync.pipeline.holdings import Holding
    from sync.ports import Extraction, Quarantined

_PREFIXES = {Kind.FILM: "MV_", Kind.SHOW: "TV_"}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What cannot be read of the source of a run, and of the other sources.

    ``is_news``: there was something of the source before, or is now.
    """

    rows: tuple[UnreadableRow, ...] = ()
    others: tuple[UnreadableRow, ...] = field(default=(), repr=False)
    is_news: bool = False

    @property
    def unreported(self) -> tuple[UnreadableRow, ...]:
        """Those of which nobody was told yet."""
        return tuple(
            row
            for row in self.rows
            if row.reported_at is None and not row.record.is_unsupported
        )

    def holding(self) -> Iterable[Quarantined]:
        """Return every record that counts as there, of any source."""
        for row in (*self.rows, *self.others):
            if not row.record.is_unsupported:
                yield row.record


async def gather(
    ledger: Ledger,
    profile: str,
    holding: Holding,
    extraction: Extraction,
    now: datetime,
) -> Unreadable:
    """Compare what could not be read with what is kept. Changes nothing.

    A reading that says nothing about what it lacks leaves what is kept as it is, save
    what it could read.
    """
    kept = await ledger.unreadable(profile)
    own = {
        r.identity: r for r in kept if r.source in (*holding.parts, holding.record.id)
    }
    others = tuple(row for row in kept if own.get(row.identity) is not row)
    rows: dict[str, UnreadableRow] = {}
    reader = program_version() if extraction.quarantined else ""
    for record in told_apart(extraction.quarantined):
        before = own.get(record.identity)
        rows[record.identity] = UnreadableRow(
            source=holding.record.id,
            identity=record.identity,
            record=record,
            reader=reader,
            first_seen=before.first_seen if before else now,
            last_seen=now,
            reported_at=before.reported_at if before else None,
        )
    if not holding.can_lack:
        read = {play.id for play in extraction.plays} if own else set()
        rest = {i: r for i, r in own.items() if r.record.history_id not in read}
        rows = {**rest, **rows}
    return Unreadable(tuple(rows.values()), others, bool(rows or own))


def find_obscured(
    desired: Desired, holding: Holding, unreadable: Unreadable
) -> frozenset[str]:
    """Return the titles of a reading that a record which cannot be read may be about.

    By their ids on Discovr. What this reading and earlier ones know of them counts.
    """
    shared = ((m, t) for m, titles in desired.sharing.items() for t in titles)
    read = (TitleHistory(t, m, ()) for m, t in (*desired.titles.items(), *shared))
    keys = {Key(media) for media in desired.titles}
    held = held_there(keys, unreadable.holding(), (*holding.everything, *read))
    return frozenset(key.media for key in held)


def held_there(
    keys: Collection[Key],
    records: Iterable[Quarantined],
    histories: Sequence[TitleHistory],
) -> set[Key]:
    """Return those of the keys that a record which cannot be read may be about.

    All of its title, if that can be told; else all of its kind; else all.
    """
    records = tuple(records)
    if not records:
        return set()
    known = _Known(histories, {record.history_id for record in records})
    media: set[str] = set()
    prefixes: set[str] = set()
    for record in records:
        found = known.media_of(record)
        media |= found
        prefixes |= set() if found else {_PREFIXES[record.kind] if record.kind else ""}
    begins = tuple(prefixes)
    return {k for k in keys if k.media in media or k.media.startswith(begins)}


class _Known:
    """The ids on Discovr by what tells a title, or one of these plays, elsewhere."""

    def __init__(
        self, histories: Iterable[TitleHistory], plays: Collection[int | None]
    ) -> None:
        self._by_id: defaultdict[object, set[str]] = defaultdict(set)
        self._by_play: defaultdict[int | None, set[str]] = defaultdict(set)
        for history in histories:
            if not history.media:
                continue
            for name in _ids_of(history.title):
                self._by_id[name].add(history.media)
            for play in history.plays:
                if play.id and play.id in plays:
                    self._by_play[play.id].add(history.media)

    def media_of(self, record: Quarantined) -> set[str]:
        """Return the ids that the title of a record has, or had, on Discovr."""
        title = record.title
        media = set(self._by_play.get(record.history_id, ()))
        for name in _ids_of(title) if title else ():
            media |= self._by_id.get(name, set())
        if title and title.ids.tmdb:
            media.add(media_id(title.kind, title.ids.tmdb))
        return media


def _ids_of(title: Title) -> Iterable[object]:
    return ((title.kind, name, value) for name, value in title.ids.known().items())
