"""Air dates, asked for while pages are still being read.

A season can pay as soon as two of its episodes need a write, which further pages do not
change. So its show is asked for then: what would be asked for anyway, and no more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sync.domain.desired import media_id
from sync.domain.entries import FIRST_EPISODE
from sync.domain.filters import Sieve
from sync.domain.plays import UNKNOWN_DATE, Key, Kind, Place
from sync.domain.rules import Mode
from sync.pipeline.leaving_out import sieve_of
from sync.ports import EagerSource
from sync.runtime.concurrency import task_group
from sync.transform.air_dates import Question

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sync.domain.entries import Entry
    from sync.domain.plays import Play, Title
    from sync.pipeline.services import Services


class EarlyLookUp:
    """Rides ahead of the plan: takes plays page by page, and asks about their shows.

    Which episodes need a write hangs on what stands on Discovr as well, so nothing is
    asked before ``know`` has told that.
    """

    def __init__(self, services: Services, *, is_kept: bool) -> None:
        self._services = services
        self._is_kept = is_kept
        self._pages: asyncio.Queue[Sequence[Play] | None] = asyncio.Queue()
        self._existing: asyncio.Future[Sequence[Entry] | None] = asyncio.Future()
        self._there: set[Key] = set()
        self._standing: set[Place] = set()
        self._can_collapse = services.settings.history.collapse is not Mode.OFF
        #: By identity, as titles are shared: the id on Discovr; None: not known yet.
        self._media: dict[int, str | None] = {}
        self._titles: dict[str, Title] = {}
        self._needing: dict[Place, set[int]] = {}
        self._since: dict[Place, datetime] = {}
        self._asked: set[str] = set()
        self._sieve = Sieve()

    def take(self, plays: Sequence[Play]) -> None:
        """Take what a page brought."""
        self._pages.put_nowait(plays)

    def finish(self) -> None:
        """Hear that there are no more pages."""
        self._pages.put_nowait(None)

    def know(self, existing: Sequence[Entry] | None) -> None:
        """Hear what stands on Discovr; None: nobody can tell yet."""
        # A stop may have ended ``run`` a moment before, and with it what it waits for.
        if not self._existing.done():
            self._existing.set_result(existing)

    async def run(self) -> None:
        """Ask until there are no more pages, and all answers are there."""
        source, catalogue = self._services.source, self._services.catalogue
        if catalogue.is_empty or not isinstance(source, EagerSource):
            return
        if (existing := await self._existing) is None:
            return
        for entry in existing:
            self._there.add(entry.key)
            if entry.is_default and entry.key.season:
                self._standing.add(entry.key.place)
        async with task_group() as group:
            while (plays := await self._pages.get()) is not None:
                await self._name(plays)
                if question := self._choose(plays):
                    group.create_task(catalogue.ask_ahead(question))

    async def _name(self, plays: Sequence[Play]) -> None:
        """Find the ids of titles that were not met before; not by asking TMDB."""
        new = {id(p.title): p.title for p in plays if id(p.title) not in self._media}
        given = await self._services.resolver.find_overrides(
            new.values(), is_kept=self._is_kept
        )
        self._sieve = sieve = await sieve_of(
            self._services, new.values(), given, is_kept=self._is_kept
        )
        for number, title in new.items():
            tmdb = given.get(title, title.ids.tmdb)
            media = media_id(title.kind, tmdb) if tmdb else None
            is_wanted = title.kind is Kind.SHOW and sieve.why_title(title) is None
            self._media[number] = media if is_wanted else None
            if media:
                self._titles.setdefault(media, title)

    def _choose(self, plays: Sequence[Play]) -> Question | None:
        """Choose the shows of which a season is known by now to be worth its dates."""
        wanted: dict[str, set[int]] = {}
        for play in plays:
            media = self._media[id(play.title)]
            if media is None or not play.season or play.episode is None:
                continue
            if self._sieve.why_then(play.watched_at):
                continue
            place = Place(media, play.season)
            at = max(self._since.get(place, UNKNOWN_DATE), play.watched_at)
            self._since[place] = at
            if media not in self._asked and self._can_pay(place, play.episode):
                wanted.setdefault(media, set()).add(play.season)
        if not wanted:
            return None
        self._asked |= wanted.keys()
        places = {Place(media, n) for media, numbers in wanted.items() for n in numbers}
        return Question(wanted, self._titles, {p: self._since[p] for p in places})

    def _can_pay(self, place: Place, episode: int) -> bool:
        if place in self._standing:
            return True
        if not self._can_collapse or episode < FIRST_EPISODE:
            return False
        numbers = self._needing.setdefault(place, set())
        if Key(*place, episode) not in self._there:
            numbers.add(episode)
        return len(numbers) > 1
