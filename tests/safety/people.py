"""Many people with accounts of all sizes, and what they are read from.

Trakt and TMDB are served by a process of their own: Discovr counts what it is sent by
its own clock, and must not wait for a long list of Trakt's meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from connectors.errors import TransientError
from sync.sandbox.account.account import Account
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.tmdb import TmdbStandIn
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.stand_in import TraktStandIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from sync.sandbox.account.titles import CatalogueTitle

SMALLEST = 50
#: To make a thousand people takes seconds, and so does it to end.
_ANSWERS_WITHIN_S = 120.0


@dataclass(frozen=True)
class People:
    """What there is, and who has watched what of it, by name."""

    everything: Account
    accounts: dict[str, Account]

    @classmethod
    def of(cls, sizes: Sequence[int], seed: int) -> People:
        """Give each of them so many plays in a row, all of the same titles.

        The same sizes and seed make the same people.
        """
        draw = random.Random(seed)  # noqa: S311  # repeatable on purpose
        everything = synthetic_account(max(sizes), shows=max(sizes) // 60 + 3)
        plays, accounts = everything.plays, {}
        for number, size in enumerate(sizes):
            first = draw.randint(0, len(plays) - size)
            account = Account(everything.titles, plays[first : first + size])
            accounts[f"Person {number:04}"] = account
        return cls(everything, accounts)

    def token(self, name: str) -> str:
        """Return what Trakt knows a person by."""
        number = [*self.accounts].index(name)
        return f"{Credentials().trakt_access_token}-{number}"

    def is_new(self, viewing: Viewing) -> bool:
        """Whether that person has never watched it."""
        title = self.everything.titles[viewing.title]
        account = self.accounts[viewing.name]
        return not account.plays_of(title, viewing.season, viewing.number)

    def watch(self, viewing: Viewing) -> None:
        """Enter what somebody has watched."""
        self.accounts[viewing.name].add_play(
            self.everything.titles[viewing.title],
            viewing.at,
            season=viewing.season,
            number=viewing.number,
        )


@dataclass(frozen=True)
class Viewing:
    """What somebody watched: the title by its place among all."""

    name: str
    title: int
    season: int | None
    number: int | None
    at: datetime

    @classmethod
    def drawn(
        cls,
        draw: random.Random,
        name: str,
        titles: Sequence[CatalogueTitle],
        at: datetime,
    ) -> Viewing:
        """Draw a film, or an episode of a show; it may have been watched before."""
        place = draw.randrange(len(titles))
        episodes = [e for s in titles[place].seasons for e in s.episodes if s.number]
        if not episodes:
            return cls(name, place, None, None, at)
        episode = draw.choice(episodes)
        return cls(name, place, episode.season, episode.number, at)


def sizes_of(people: int, most: int, seed: int) -> list[int]:
    """Draw so many sizes, one of each extreme among them: few have watched very much.

    The logarithm is drawn from a triangle, so that half of them are in the lowest third
    of it.
    """
    draw = random.Random(seed)  # noqa: S311  # as above
    drawn = [
        round(SMALLEST * (most / SMALLEST) ** draw.triangular(0, 1, 0))
        for _ in range(people)
    ]
    return [most, SMALLEST, *drawn][:people]


class TraktOfMany(TraktStandIn):
    """Trakt for several people, each of whom is known by an access token."""

    def __init__(self, people: People) -> None:
        quirks = TraktQuirks(get_limit=10**6)
        super().__init__(people.everything, quirks=quirks)
        self._people = {
            people.token(name): TraktStandIn(account, quirks=quirks)
            for name, account in people.accounts.items()
        }

    def routes(self) -> list[web.RouteDef]:
        """Return the same, answered by the stand-in of whoever asks."""
        return [
            web.route(route.method, route.path, partial(self._hand_on, route.handler))
            for route in super().routes()
        ]

    async def _hand_on(self, handler: Any, request: web.Request) -> Any:
        person = self._people.get(_token(request.headers))
        is_own = person is not None and getattr(handler, "__self__", None) is self
        return await (getattr(person, handler.__name__) if is_own else handler)(request)

    def _is_known(self, headers: Mapping[str, str]) -> bool:
        return _token(headers) in self._people or super()._is_known(headers)


def _token(headers: Mapping[str, str]) -> str:
    return headers.get("Authorization", "").partition(" ")[2]


class Sources:
    """The process that serves Trakt and TMDB, by lines of JSON in and out."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        #: Of Trakt, and of TMDB.
        self.urls = ("", "")

    @property
    def is_there(self) -> bool:
        """Whether it runs."""
        return self._process.returncode is None

    async def watch(self, viewings: Sequence[Viewing]) -> None:
        """Tell Trakt what was watched, and wait until it knows all of it."""
        known = [{**vars(v), "at": v.at.isoformat()} for v in viewings]
        await self.ask(known)

    async def ask(self, question: Any) -> Any:
        """Send a line, and return the next one. Raises TransientError if none comes."""
        try:
            line = await asyncio.wait_for(self._answer(question), _ANSWERS_WITHIN_S)
        except (TimeoutError, ConnectionError):
            line = b""
        if not line:
            raise TransientError(
                "What serves Trakt and TMDB has ended, or does not answer.",
                remedy="See what it said.",
            )
        return json.loads(line)

    async def _answer(self, question: Any) -> bytes:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        await self._process.stdin.drain()
        return await self._process.stdout.readline()

    async def end(self) -> None:
        """End it, as what it waits for has ended; kill it if it does not heed that."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _ANSWERS_WITHIN_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def serving(sizes: Sequence[int], seed: int) -> AsyncIterator[Sources]:
    """Serve the people of these sizes elsewhere."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.safety.people"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**26,
    )
    sources = Sources(process)
    try:
        trakt, tmdb = await sources.ask({"sizes": [*sizes], "seed": seed})
        sources.urls = (trakt, tmdb)
        yield sources
    finally:
        await sources.end()


async def _serve() -> None:
    """Be that process: the first line says who there is, each later one who watched."""
    said = json.loads(await asyncio.to_thread(sys.stdin.readline))
    people = People.of(said["sizes"], said["seed"])
    trakt, tmdb = TraktOfMany(people), TmdbStandIn(people.everything.titles)
    async with trakt, tmdb:
        answer: Any = [trakt.url, tmdb.api_url]
        while True:
            print(json.dumps(answer), flush=True)  # noqa: T201  # what it is asked for
            line = await asyncio.to_thread(sys.stdin.readline)
            if not line:
                return
            for told in json.loads(line):
                at = datetime.fromisoformat(told["at"])
                people.watch(Viewing(**{**told, "at": at}))
            answer = "watched"


if __name__ == "__main__":
    asyncio.run(_serve())
