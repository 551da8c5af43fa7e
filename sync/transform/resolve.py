"""Finds TMDB ids for titles: those that a person gave, and those that Trakt lacks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from connectors.errors import ContractError, RejectedError, TransientError
from sync.domain.overrides import TitleIndex, digest_overrides
from sync.domain.plays import Kind, Title, title_key
from sync.runtime.concurrency import run_limited
from sync.transform.episodes import find_show, gather_clues

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connectors.clock import Clock
    from connectors.tmdb.client import TmdbClient
    from sync.domain.overrides import Override
    from sync.domain.plays import Play
    from sync.ledger import Ledger
    from sync.transform.episodes import Clues
    from sync.transform.overrides import OverrideBook

CONCURRENCY = 4
#: After so many faults TMDB is taken to be down for this run.
MOST_FAULTS = 3
#: What was found is true for every profile.
_EVERYONE, _FACT = "*", "tmdb_ids"


class Found(NamedTuple):
    """What a look-up of many titles brought.

    ``ids`` count more than a title's own; None where nobody knows yet.
    """

    ids: dict[Title, int | None]
    unasked: set[Title]


class Resolver:
    """Takes the ids that a person gave, then asks TMDB about what has none.

    By IMDb id, then by TVDB id; an answer is taken only if it is one.
    """

    def __init__(
        self,
        client: TmdbClient | None,
        ledger: Ledger,
        clock: Clock,
        given: OverrideBook,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self._book = given
        self._given: list[Override] | None = None
        self._reading = asyncio.Lock()

    async def find(self, plays: Iterable[Play], *, is_kept: bool) -> Found:
        """Return the ids that were found, and the titles for which TMDB gave no answer.

        ``is_kept`` says whether answers may be kept for later runs. Raises InputError
        for ids that a person gave and that cannot be used.
        """
        # By identity: titles are shared, and to hash one for each play takes long.
        plays = list(plays)
        titles = set({id(play.title): play.title for play in plays}.values())
        given = await self.find_overrides(titles, is_kept=is_kept)
        unknown = {t for t in titles - given.keys() if not t.ids.tmdb}
        clues = gather_clues(plays, unknown)
        found = await self._find_unknown(unknown, clues, is_kept=is_kept)
        unasked = found.unasked | {t for t, tmdb in given.items() if tmdb is None}
        return Found({**found.ids, **given}, unasked)

    async def stamp(self) -> str:
        """Return a digest of the ids that a person gave; it moves when they do."""
        given = await self._read_overrides(is_kept=True)
        return digest_overrides(given)

    async def find_overrides(
        self, titles: Iterable[Title], *, is_kept: bool
    ) -> dict[Title, int | None]:
        """Return what a person gave for these titles; None: TMDB gave no answer yet."""
        given = await self._read_overrides(is_kept=is_kept)
        index = TitleIndex((one.title, one) for one in given)
        found = {t: one for t in titles if (one := index.find(t))}
        return {title: one.tmdb for title, one in found.items() if not one.is_skip}

    async def find_skipped(
        self, titles: Iterable[Title], *, is_kept: bool
    ) -> list[Title]:
        """Return those of the titles that a person marked to be left out."""
        given = await self._read_overrides(is_kept=is_kept)
        if not any(one.is_skip for one in given):
            return []
        index = TitleIndex((one.title, one) for one in given)
        return [t for t in titles if (one := index.find(t)) and one.is_skip]

    async def skip_stamp(self) -> str:
        """Return a digest of the titles marked to be left out; empty without any."""
        given = await self._read_overrides(is_kept=True)
        return digest_overrides(one for one in given if one.is_skip)

    async def _read_overrides(self, *, is_kept: bool) -> list[Override]:
        async with self._reading:
            if self._given is None:
                self._given = await self._book.read(is_kept=is_kept)
        return self._given

    def find_strays(self, plays: Iterable[Play]) -> list[Override]:
        """Return the ids given under a name alone that none of the plays goes by."""
        named = [g for g in self._given or () if not g.title.ids.known()]
        if not named:
            return []
        titles = {id(play.title): play.title for play in plays}.values()
        there = TitleIndex((title, title) for title in titles)
        return [one for one in named if there.find(one.title) is None]

    async def _find_unknown(
        self, titles: set[Title], clues: Mapping[Title, Clues], *, is_kept: bool
    ) -> Found:
        known = await self._ledger.get_fact(_EVERYONE, _FACT) or {}
        names = {t: _name(t, clues.get(t, ())) for t in titles}
        found = {t: known[name] for t, name in names.items() if name in known}
        unasked: set[Title] = set()
        client = self._client
        if client is None:
            return Found(dict(found), unasked)

        async def look_up(title: Title) -> None:
            try:
                if len(unasked) >= MOST_FAULTS:
                    unasked.add(title)  # it is down: do not wait for each title
                elif number := await _look_up(client, title, clues.get(title, ())):
                    found[title] = number
            except (ContractError, TransientError):
                unasked.add(title)

        open_titles = sorted(titles - found.keys(), key=lambda t: t.label)
        await run_limited(CONCURRENCY, look_up, open_titles)
        if is_kept and open_titles:
            known |= {names[title]: number for title, number in found.items()}
            await self._ledger.put_fact(_EVERYONE, _FACT, known, self._clock.now())
        return Found(dict(found), unasked)


async def _look_up(client: TmdbClient, title: Title, clues: Clues) -> int | None:
    ids = title.ids
    for source, number in (("imdb_id", ids.imdb), ("tvdb_id", ids.tvdb)):
        if number is None:
            continue
        try:
            answer = await client.find(number, source)
        except RejectedError:
            continue
        is_film = title.kind is Kind.FILM
        hits = answer.movie_results if is_film else answer.tv_results
        if len(hits) == 1:
            return hits[0].id
    return await find_show(client, title, clues)


def _name(title: Title, clues: Clues) -> str:
    if not clues:
        return f"{title.kind}:{title.ids.imdb}:{title.ids.tvdb}"
    told = " ".join(f"{clue.ids.imdb}:{clue.ids.tvdb}" for clue in clues)
    return f"{title_key(title)}:{told}"
