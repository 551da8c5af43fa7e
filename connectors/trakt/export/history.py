"""Pages of history: validated whole from their bytes, or item by item where needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from connectors.trakt.export.columns import to_columns
from connectors.trakt.export.kinds import read_kind
from connectors.trakt.export.rows import (
    FlatRow,
    count_plays,
    find_last,
    find_time,
    gather,
    is_nested,
    is_play,
    outline_row,
    read_row,
)
from connectors.trakt.export.tables import BrokenRow
from connectors.trakt.export.whose import check_open, settle_ids
from connectors.trakt.models import HistoryItem, Model
from connectors.trakt.sense import (
    MOST_EPISODE,
    MOST_SEASON,
    UnusableError,
    check_kind,
)
from connectors.trakt.set_aside import BadRecord, describe_error
from connectors.trakt.times import EARLIEST, check_instant, to_instant
from connectors.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


class TraktExport(Model):
    """What is used of a traktexport file; older full ones have no ``type``."""

    type: str | None = None
    username: str | None = None
    history: list[HistoryItem]
    watched: list[Any] | None = None
    stats: dict[str, Any] | None = None

    @property
    def is_partial(self) -> bool:
        """Whether it was made of the newest pages only, or may have been."""
        if self.type is not None:
            return self.type == "partial"
        return self.stats is None and self.watched is None


_PAGE = TypeAdapter(list[HistoryItem])
_TRAKTEXPORT = TypeAdapter(TraktExport)


@dataclass(slots=True)
class Page:
    """The plays of one member, and what had to be set aside, by position.

    ``size`` counts everything that stood in it; ``is_flat`` tells flat rows. ``ahead``
    holds the dates that lie too far ahead; ``untimed`` counts the plays of which rows
    give the number and no time; ``others`` the wishes, ratings and the like; ``lasts``
    the last times of watching beside a row's own that are the time of no row.
    """

    size: int = 0
    items: list[HistoryItem] = field(default_factory=list)
    unusable: list[tuple[int, BadRecord]] = field(default_factory=list)
    is_flat: bool = False
    is_traktexport: bool = False
    ahead: list[datetime] = field(default_factory=list)
    untimed: int = 0
    others: int = 0
    lasts: int = 0


def read_page(data: bytes, latest: datetime) -> Page | None:
    """Read a clean page straight from its bytes; None if it has to be looked into."""
    try:
        items = _PAGE.validate_json(data)
    except (ValidationError, OverflowError):
        return None
    return Page(len(items), items) if _is_clean(items, latest) else None


def read_traktexport(data: bytes, latest: datetime) -> tuple[TraktExport, Page] | None:
    """Read a clean traktexport file straight from its bytes, like ``read_page``."""
    try:
        export = _TRAKTEXPORT.validate_json(data)
    except (ValidationError, OverflowError):
        return None
    items = export.history
    return (export, Page(len(items), items)) if _is_clean(items, latest) else None


def to_traktexport(document: dict[str, Any]) -> TraktExport:
    """Take what fits of a traktexport file, without its history."""
    forms: dict[str, type] = {
        "type": str,
        "username": str,
        "watched": list,
        "stats": dict,
    }
    fitting = {k: v for k, f in forms.items() if isinstance(v := document.get(k), f)}
    return TraktExport.model_validate({**fitting, "history": []})


def _is_clean(items: list[HistoryItem], latest: datetime) -> bool:
    """Whether all items are plays at first sight, and none can be a flat row."""
    times = [i.watched_at for i in items]
    if times and not EARLIEST <= min(times) <= max(times) <= latest:
        return False
    return all(map(_is_plain, items))


def _is_plain(item: HistoryItem) -> bool:
    """Whether nothing has to be asked of an item: a quick "yes" of ``check_kind``."""
    episode = item.episode
    if item.type == "movie":
        return item.movie is not None and item.movie.ids.trakt is not None
    if item.type != "episode" or episode is None or item.show is None:
        return False
    if item.show.ids.trakt is None or episode.season is None or episode.number is None:
        return False
    return 0 <= episode.season <= MOST_SEASON and 0 <= episode.number <= MOST_EPISODE


def read_items(
    raw: Iterable[object], latest: datetime, named_kind: str | None = None
) -> Page:
    """Read items one by one, whatever their shape; a bad one stops no other.

    ``named_kind`` is what the name of their file says that they are.
    """
    page, found = Page(), list[_Item]()
    for position, item in enumerate(raw, 1):
        page.size = position
        _Reading(page, found, latest, named_kind).take(position, item)
    settle_ids([one.row for one in found if one.row is not None])
    for one in found:
        _Reading(page, found, latest, named_kind).finish(one)
    page.lasts = _count_lasts(found)
    page.unusable.sort(key=lambda pair: pair[0])
    return page


@dataclass(slots=True)
class _Item:
    """An item on its way: its place, what stood there, and its parts."""

    position: int
    raw: dict[str, Any]
    parts: dict[str, Any]
    row: FlatRow | None = None
    plays: int = 1
    last: datetime | None = None


def _count_lasts(found: Iterable[_Item]) -> int:
    """Count the last times of watching that are the time of no row.

    A tool may write beside each play when its title was watched last: then that is the
    time of another row. Else it is one more play.
    """
    lasts = {_minute(one.last) for one in found if one.last is not None}
    own = (one.parts["watched_at"] for one in found if lasts)
    return len(lasts - set(map(_minute, own)))


def _minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


@dataclass(slots=True)
class _Reading:
    page: Page
    found: list[_Item]
    latest: datetime
    named_kind: str | None

    def take(self, position: int, raw: object) -> None:
        """Read the item as far as it can be told by itself."""
        if isinstance(raw, BrokenRow):
            self._set_aside(position, raw.cells, raw.error)
            return
        if not isinstance(raw, dict):
            self._set_aside(position, raw, UnusableError("is incomplete"))
            return
        columns = to_columns(raw)
        if not is_play(columns):
            self.page.others += 1
            return
        plays = count_plays(columns)
        try:
            if is_nested(raw):
                parts = gather(raw)
                parts = {**parts, "watched_at": to_instant(find_time(columns))}
                if kind := read_kind(raw.get("type")):
                    parts["type"] = "movie" if kind == "movie" else "episode"
                last = find_last(columns, parts["watched_at"])
                self.found.append(_Item(position, raw, parts, None, plays, last))
                return
            self.page.is_flat = True
            row = read_row(columns, self.named_kind)
            last = find_last(columns, row.item["watched_at"])
            self.found.append(_Item(position, raw, row.item, row, plays, last))
        except UnusableError as error:
            self._set_aside(position, raw, error)

    def finish(self, one: _Item) -> None:
        """Make a play of the item, now that the whole file was seen."""
        try:
            item = HistoryItem.model_validate(one.parts)
            check_kind(item)
            if one.row is not None:
                check_open(one.row, item)
            if item.watched_at > self.latest:
                self.page.ahead.append(item.watched_at)
            check_instant(item.watched_at, self.latest)
        except (ValidationError, OverflowError):
            self._set_aside(one.position, one.raw, UnusableError("is no play"))
        except UnusableError as error:
            self._set_aside(one.position, one.raw, error)
        else:
            self.page.items.append(item)
            self.page.untimed += one.plays - 1

    def _set_aside(self, position: int, raw: object, error: UnusableError) -> None:
        about = None
        if isinstance(raw, dict) and not is_nested(raw):
            columns = to_columns(raw)
            about = outline_row(columns, self.named_kind)
            if (plays := count_plays(columns)) > 1:
                spare = f"it counts {count(plays, 'play')} and has one time only"
                error = type(error)(f"{error}; {spare}", error.remedy)
        record = describe_error(raw, error, about=about)
        self.page.unusable.append((position, record))
