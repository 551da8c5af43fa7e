"""Finds TMDB ids for titles that Trakt sent without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from connectors.errors import ContractError, RejectedError, TransientError
from sync.concurrency import run_limited
from sync.domain.plays import Kind, Title

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectors.clock import Clock
    from connectors.tmdb.client import TmdbClient
    from sync.domain.plays import Play
    from sync.ledger import Ledger

CONCURRENCY = 4
#: After so many faults TMDB is taken to be down for this run.
MOST_FAULTS = 3
#: What was found is true for every profile.
_EVERYONE, _FACT = "*", "tmdb_ids"


class Found(NamedTuple):
    """What a look-up of many titles brought."""

    ids: dict[Title, int]
    unasked: set[Title]


class Resolver:
    """Asks TMDB by IMDb id, then by TVDB id; an answer is taken only if it is one."""

    def __init__(self, client: TmdbClient, ledger: Ledger, clock: Clock) -> None:
        self._client = client
        self._ledger = ledger
        self._clock = clock

    async def find(self, plays: Iterable[Play], *, is_kept: bool) -> Found:
        """Return the ids that were found, and the titles for which TMDB gave no answer.

        ``is_kept`` says whether answers may be kept for later runs.
        """
        unasked: set[Title] = set()
        titles = {play.title for play in plays if not play.title.ids.tmdb}
        known = await self._ledger.get_fact(_EVERYONE, _FACT) or {}
        found = {t: known[_name(t)] for t in titles if _name(t) in known}

        async def look_up(title: Title) -> None:
            try:
                if len(unasked) >= MOST_FAULTS:
                    unasked.add(title)  # it is down: do not wait for each title
                elif number := await self._look_up(title):
                    found[title] = number
            except (ContractError, TransientError):
                unasked.add(title)

        open_titles = sorted(titles - found.keys(), key=lambda t: t.label)
        await run_limited(CONCURRENCY, look_up, open_titles)
        if is_kept and open_titles:
            known |= {_name(title): number for title, number in found.items()}
            await self._ledger.put_fact(_EVERYONE, _FACT, known, self._clock.now())
        return Found(found, unasked)

    async def _look_up(self, title: Title) -> int | None:
        ids = title.ids
        for source, number in (("imdb_id", ids.imdb), ("tvdb_id", ids.tvdb)):
            if number is None:
                continue
            try:
                answer = await self._client.find(number, source)
            except RejectedError:
                continue
            is_film = title.kind is Kind.FILM
            hits = answer.movie_results if is_film else answer.tv_results
            if len(hits) == 1:
                return hits[0].id
        return None


def _name(title: Title) -> str:
    return f"{title.kind}:{title.ids.imdb}:{title.ids.tvdb}"
