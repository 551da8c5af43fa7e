"""The paged history, with every paging fault that was seen on the real one."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sync.domain.plays import Kind
from sync.sandbox.server.server import RefusedError
from sync.sandbox.trakt.wire import newest_first

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.sandbox.account.account import Account, Play
    from sync.sandbox.trakt.quirks import TraktQuirks
    from sync.sandbox.trakt.wire import Json, TraktWire

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 250


class Paging(NamedTuple):
    """What page was asked for, after clamping."""

    page: int
    limit: int

    @classmethod
    def of(cls, query: Mapping[str, str], largest: int = LARGEST_LIMIT) -> Paging:
        """Read page and limit; bigger limits are lowered without a word."""
        page = _number(query, "page", 1)
        limit = _number(query, "limit", min(DEFAULT_LIMIT, largest))
        return cls(page, min(limit, largest))

    def headers(
        self, item_count: int, *, page_count: int | None = None
    ) -> dict[str, str]:
        """Return the four headers."""
        if page_count is None:
            page_count = math.ceil(item_count / self.limit)
        return {
            "X-Pagination-Page": str(self.page),
            "X-Pagination-Limit": str(self.limit),
            "X-Pagination-Page-Count": str(page_count),
            "X-Pagination-Item-Count": str(item_count),
        }


class Selection(NamedTuple):
    """Which plays are asked for."""

    kind: str | None
    item: int | None
    start_at: datetime | None
    end_at: datetime | None

    @classmethod
    def of(cls, path: Mapping[str, str], query: Mapping[str, str]) -> Selection:
        """Read the path and the bounds, or refuse what is malformed."""
        item = path.get("id")
        if item is not None and not item.isdecimal():
            raise RefusedError(404)
        return cls(
            kind=path.get("type"),
            item=int(item) if item else None,
            start_at=_instant(query.get("start_at")),
            end_at=_instant(query.get("end_at")),
        )


class HistoryPages:
    """Serves the history of an account page by page."""

    def __init__(self, account: Account, quirks: TraktQuirks, wire: TraktWire) -> None:
        self._account = account
        self._quirks = quirks
        self._wire = wire
        self._answered = 0
        self._pending = sorted(quirks.mid_walk, key=lambda change: change[0])
        self._faulted: set[int] = set()
        self._cache: dict[Selection, list[Play]] = {}
        self._cached_version = -1

    def page(
        self, selection: Selection, paging: Paging, *, full: bool
    ) -> tuple[list[Json], dict[str, str]]:
        """Return the items of one page, and its headers."""
        while self._pending and self._pending[0][0] <= self._answered:
            self._pending.pop(0)[1](self._account)
        self._answered += 1
        plays = self._select(selection)
        if self._quirks.unstable_ties:
            plays = self._shuffle_ties(plays)
        items = self._spoil(self._slice(plays, paging), paging.page)
        written = [self._write(play, full=full) for play in items]
        return written, self._headers(len(plays), paging)

    def _write(self, play: Play, *, full: bool) -> Any:
        record = self._wire.play(play, full=full)
        spoil = self._quirks.odd.get(play.id)
        return spoil(record) if spoil else record

    def _slice(self, plays: list[Play], paging: Paging) -> list[Play]:
        stride = self._stride(paging)
        start = (paging.page - 1) * stride
        return plays[start : start + paging.limit]

    def _stride(self, paging: Paging) -> int:
        return max(1, paging.limit - self._quirks.repeats_across_pages)

    def _spoil(self, plays: list[Play], page: int) -> list[Play]:
        quirks = self._quirks
        plays = [play for play in plays if play.id not in quirks.dropped_after_slicing]
        if page not in quirks.empty_pages | quirks.short_pages:
            return plays
        if page in self._faulted and not quirks.page_faults_recur:
            return plays
        self._faulted.add(page)
        return [] if page in quirks.empty_pages else plays[: len(plays) // 2]

    def _headers(self, item_count: int, paging: Paging) -> dict[str, str]:
        quirks = self._quirks
        if quirks.no_pagination_headers:
            return {}
        stride = self._stride(paging)
        page_count = math.ceil(max(0, item_count - paging.limit) / stride) + bool(
            item_count
        )
        page_count = max(0, page_count + quirks.page_count_delta)
        item_count = max(0, item_count + quirks.page_count_delta * paging.limit)
        echoed = paging
        if quirks.stale_page_echo:
            echoed = paging._replace(page=max(1, paging.page - 1))
        return echoed.headers(item_count, page_count=page_count)

    def _select(self, selection: Selection) -> list[Play]:
        if self._cached_version != self._account.version:
            self._cache.clear()
            self._cached_version = self._account.version
        if selection not in self._cache:
            chosen = [p for p in self._account.plays if self._is_chosen(p, selection)]
            self._cache[selection] = newest_first(chosen)
        return self._cache[selection]

    def _is_chosen(self, play: Play, selection: Selection) -> bool:
        moment = self._wire.watched_at(play)
        if self._quirks.exclusive_bounds and moment in selection[2:]:
            return False
        return (
            (selection.start_at is None or selection.start_at <= moment)
            and (selection.end_at is None or moment <= selection.end_at)
            and is_about(play, selection.kind, selection.item)
        )

    def _shuffle_ties(self, plays: list[Play]) -> list[Play]:
        return sorted(
            plays,
            key=lambda play: (
                self._wire.watched_at(play),
                hash((self._answered, play.id)),  # of numbers: the same everywhere
            ),
            reverse=True,
        )


def is_about(play: Play, kind: str | None, item: int | None) -> bool:
    """Whether a play belongs under a route like ``/shows/1388``; None: any."""
    if kind is None:
        return True
    if (kind == "movies") is not (play.title.kind is Kind.FILM):
        return False
    if item is None:
        return True
    if kind == "episodes":
        return play.episode is not None and play.episode.ids.trakt == item
    if kind == "seasons":
        season = play.title.season(play.episode.season) if play.episode else None
        return season is not None and season.ids.trakt == item
    return play.title.trakt == item


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise RefusedError(422, "invalid", f"{name} has to be a positive number.")
    return int(text)


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RefusedError(422, "invalid", "That is not a date.") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
