"""Records that are there and cannot be read: kept, told of, and held to be there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.domain.desired import media_id
from sync.domain.plays import Kind
from sync.ledger.records import UnreadableRow
from sync.ports import told_apart
from sync.runtime.version import program_version

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sync.domain.histories import TitleHistory
    from sync.domain.plays import Ids, Key
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


def held_there(
    keys: Collection[Key],
    records: Iterable[Quarantined],
    histories: Sequence[TitleHistory],
) -> set[Key]:
    """Return those of the keys that a record which cannot be read may be about.

    All of its title, if that can be told; else all of its kind; else all.
    """
    held: set[Key] = set()
    for record in records:
        media = _media_of(record, histories)
        prefix = _PREFIXES[record.kind] if record.kind else ""
        held |= {
            key
            for key in keys
            if (key.media in media if media else key.media.startswith(prefix))
        }
    return held


def _media_of(record: Quarantined, histories: Iterable[TitleHistory]) -> set[str]:
    """Return the ids that the title of a record has, or had, on Discovr."""
    title, play_id = record.title, record.history_id
    media = set()
    for history in histories:
        if history.media and (
            (title and title.kind is history.title.kind and _share(title.ids, history))
            or (play_id and any(play.id == play_id for play in history.plays))
        ):
            media.add(history.media)
    if title and title.ids.tmdb:
        media.add(media_id(title.kind, title.ids.tmdb))
    return media


def _share(ids: Ids, history: TitleHistory) -> bool:
    return bool(ids.known().items() & history.title.ids.known().items())
