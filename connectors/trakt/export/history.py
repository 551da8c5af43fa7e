"""Pages of history: validated whole from their bytes, or item by item where needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from connectors.trakt.export.rows import find_time, is_flat, is_play, read_row
from connectors.trakt.export.values import (
    EARLIEST,
    MOST_EPISODE,
    MOST_SEASON,
    UnusableError,
    check_sense,
    clean,
    has_odd_numbers,
    to_instant,
)
from connectors.trakt.models import HistoryItem, Model

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
    """The plays of one member, and what had to be set aside: position and reason.

    ``size`` counts everything that stood in it; ``is_flat`` tells flat rows.
    """

    size: int = 0
    items: list[HistoryItem] = field(default_factory=list)
    unusable: list[tuple[int, str]] = field(default_factory=list)
    is_flat: bool = False


def read_page(data: bytes, latest: datetime) -> Page | None:
    """Read a clean page straight from its bytes; None if it has to be looked into.

    Strict, so that nothing is taken for a number that is none.
    """
    try:
        items = _PAGE.validate_json(data, strict=True)
    except (ValidationError, OverflowError):
        return None
    return Page(len(items), items) if _is_clean(items, data, latest) else None


def read_traktexport(data: bytes, latest: datetime) -> tuple[TraktExport, Page] | None:
    """Read a clean traktexport file straight from its bytes, like ``read_page``."""
    try:
        export = _TRAKTEXPORT.validate_json(data, strict=True)
    except (ValidationError, OverflowError):
        return None
    items = export.history
    return (export, Page(len(items), items)) if _is_clean(items, data, latest) else None


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


def _is_clean(items: list[HistoryItem], data: bytes, latest: datetime) -> bool:
    """Whether all items make sense at first sight, and none can be a flat row."""
    if has_odd_numbers(data) or any(_is_bare(i) for i in items):
        return False
    times = [i.watched_at for i in items]
    if times and not EARLIEST <= min(times) <= max(times) <= latest:
        return False
    episodes = [i.episode for i in items if i.episode is not None]
    return all(e.season <= MOST_SEASON and e.number <= MOST_EPISODE for e in episodes)


def _is_bare(item: HistoryItem) -> bool:
    return item.movie is None and item.episode is None


def read_items(raw: Iterable[object], latest: datetime) -> Page:
    """Read items one by one, whatever their shape; a bad one stops no other."""
    page = Page()
    for position, item in enumerate(raw, 1):
        page.size = position
        try:
            if (play := _read_item(item, page)) is not None:
                check_sense(play, latest)
                page.items.append(play)
        except UnusableError as error:
            page.unusable.append((position, str(error)))
    return page


def _read_item(raw: object, page: Page) -> HistoryItem | None:
    item = clean(raw)
    if not isinstance(item, dict):
        raise UnusableError("is incomplete")
    if not is_play(item):
        return None
    if not is_flat(item):
        return _read_nested(item)
    page.is_flat = True
    return read_row(item)


def _read_nested(item: dict[str, Any]) -> HistoryItem:
    watched_at = to_instant(find_time(item))
    try:
        return HistoryItem.model_validate({**item, "watched_at": watched_at})
    except ValidationError as error:
        # Only the place and the kind of the fault: the value may be anything.
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"][:3]))
        raise UnusableError(f"does not fit at {place}: {first['msg']}") from None
