"""Records of Trakt that are there and cannot be read: what can be told of them."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connectors.trakt.client import read_record
from connectors.trakt.sense import UnusableError
from connectors.trakt.set_aside import describe_error, describe_item, describe_record
from connectors.trakt.times import AHEAD, EARLIEST, to_instant
from sync.domain.plays import title_key, to_minute
from sync.extract.records import UnusableRecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sync.domain.plays import Play
    from sync.extract.records import PlayMapper
    from sync.ports import Quarantined

    #: A film or episode, as the minimal lists count them: kind and Trakt id.
    Item = tuple[str, int]


def reread(
    records: Sequence[Quarantined], mapper: PlayMapper
) -> tuple[list[Play], list[Quarantined]]:
    """Read each again from its raw form: by now the program may know how."""
    plays: list[Play] = []
    still: list[Quarantined] = []
    for record in records:
        try:
            raw = json.loads(record.raw)
        except ValueError:  # none was kept, or only its beginning
            still.append(record)
            continue
        try:
            item = read_record(raw)
        except UnusableError as error:
            still.append(mapper.set_aside(describe_error(raw, error)))
            continue
        try:
            plays.append(mapper.play(item))
        except UnusableRecordError as error:
            still.append(mapper.set_aside(describe_item(item, str(error))))
    return plays, still


@dataclass(slots=True)
class Shelf:
    """Unreadable records as the minimal lists count them.

    ``times`` by film or episode, None where the time is not legible or cannot be;
    ``nameless`` are the times of those of which not even the film or episode is.
    """

    times: dict[Item, list[datetime | None]] = field(default_factory=dict)
    nameless: list[datetime | None] = field(default_factory=list)

    @property
    def vague(self) -> int:
        """How many do not tell which of the listed times is theirs."""
        undated = sum(times.count(None) for times in self.times.values())
        return undated + len(self.nameless)

    @classmethod
    def of(cls, records: Iterable[Quarantined], read_at: datetime) -> Shelf:
        """Sort records that were read then."""
        times: defaultdict[Item, list[datetime | None]] = defaultdict(list)
        nameless = []
        for record in records:
            raw = _parse(record.raw)
            at = _moment(raw)
            if at and not EARLIEST <= at <= read_at + AHEAD:
                at = None
            if item := _item(raw):
                times[item].append(at)
            else:
                nameless.append(at)
        return cls(dict(times), nameless)


def item_of(record: Quarantined) -> Item | None:
    """Return the film or episode that a record is about, if that is legible."""
    return _item(_parse(record.raw))


def is_about(record: Quarantined, title: str, items: Iterable[Item]) -> bool:
    """Whether it belongs to a title by its key, or by one of the title's items."""
    if record.title is not None and title_key(record.title) == title:
        return True
    return item_of(record) in set(items)


def _parse(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _item(raw: Any) -> Item | None:
    if not isinstance(raw, dict):
        return None
    told = describe_record(raw, "")
    return (told.kind, told.trakt_id) if told.kind and told.trakt_id else None


def _moment(raw: Any) -> datetime | None:
    text = raw.get("watched_at") if isinstance(raw, dict) else None
    try:
        return to_minute(to_instant(text))
    except (UnusableError, OverflowError):
        return None
