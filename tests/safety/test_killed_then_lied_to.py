"""A run or an undo is killed, and then lists lie: what may be there is not sent again.

A list that never shows a write cannot be told from one that never got it, nor from one
that an undo took. But once it lacks what is known to be there, what it says of other
writes is worth nothing either.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from connectors.errors import ContractError, TransientError
from sync.domain.plays import Key
from sync.domain.writes import Outcome
from sync.errors import GuardError
from sync.ledger import Ledger
from sync.ledger.fact_names import recall_undoing
from sync.pipeline import run as pipeline
from sync.pipeline.missing import DOUBTED_FOR
from sync.pipeline.result import exit_code
from sync.sandbox.account.account import Account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.visibility import Lie
from sync.wiring.bootstrap import build
from tests.long import choose
from tests.safety.accounts import film, mixed_account, watched_on
from tests.safety.arena import Arena, Phase, arena
from tests.safety.databases import spread
from tests.safety.killing import moment, run_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from aiohttp import web

    from sync.ledger import Row
    from sync.pipeline.result import Report
    from tests.postgres import PostgresServer

#: In every reading; what stands in any list is too little.
EMPTY, LATE, SHORT = Lie(ends_after=0), Lie(lags_s=10**7), Lie(ends_after=1)
LIES = [(EMPTY, EMPTY), (LATE, LATE), (EMPTY, SHORT), (LATE, EMPTY)]
#: Of a first run: sign in, lists, catalogue, the first write and its reading, writes.
REQUESTS = 36
COMMANDS = ("migrate", "sync", "prune")
#: Of an undo, its readings included.
UNDO_REQUESTS = 30
UNDOS = ("undo", "undo-each")


class Story(NamedTuple):
    """One moment at which a run dies, and what the lists show the next one."""

    number: int
    phase: Phase
    command: str
    plays: str
    repeats: str
    lies: tuple[Lie, Lie]
    is_first: bool

    def __str__(self) -> str:
        lies = "-".join(
            "late" if lie.lags_s else f"{lie.ends_after}" for lie in self.lies
        )
        run = "first" if self.is_first else "later"
        parts = (run, self.command, self.plays, self.repeats, lies, self.number)
        return "-".join(map(str, (*parts, self.phase.name)))


def stories(commands: Sequence[str], requests: int, rounds: int) -> list[Story]:
    """Go through all moments so often, each time in another world."""
    rest = (("latest", "all"), ("listed", "merged"), LIES, (True, False))
    worlds = list(product(commands, *rest))
    moments = list(product(range(requests), Phase)) * rounds
    return [
        Story(number, phase, *worlds[(7 * i + number) % len(worlds)])
        for i, (number, phase) in enumerate(moments)
    ]


STORIES = stories(COMMANDS, REQUESTS, 11)
UNDO_STORIES = stories(UNDOS, UNDO_REQUESTS, 5)


@pytest.mark.parametrize(
    ("story", "database"),
    spread(choose(STORIES[191:192], STORIES[::9], STORIES)),
)
async def test_what_may_have_arrived_is_not_sent_again(
    story: Story, tmp_path: Path, server: PostgresServer | None
) -> None:
    async with opened(story, tmp_path, server) as place:
        dying = moment(story.number, story.phase)
        await run_until(place, start(place, story.command), dying)
        sent, known = await unsettled(place), await applied(place)
        before = {*place.discovr.appended}
        lie(place, *story.lies)
        can_tell = lacks_any(place, known)
        with suppress(GuardError, ContractError, TransientError):
            await place.migrate()
        doubled = place.discovr.doubled().keys()
        assert doubled <= (set() if can_tell else before)
        assert {viewing.key for viewing in doubled} <= {r.operation.key for r in sent}
        if not doubled:
            await check_the_end(place)


@pytest.mark.parametrize(
    ("story", "database"),
    spread(choose(UNDO_STORIES[32:33], UNDO_STORIES[::9], UNDO_STORIES)),
)
async def test_what_an_undo_may_have_left_is_not_sent_again(
    story: Story, tmp_path: Path, server: PostgresServer | None
) -> None:
    async with opened(story, tmp_path, server) as place:
        assert (await place.migrate()).is_complete
        dying = moment(story.number, story.phase)
        await run_until(place, start(place, story.command), dying)
        intended, rows = await undoing(place), await applied(place)
        taken = [row for row in rows if (row.run, row.operation.id) in intended]
        lie(place, *story.lies)
        can_tell = lacks_any(place, [row for row in rows if row not in taken])
        with suppress(GuardError):
            await place.migrate()
        doubled = {viewing.key for viewing in place.discovr.doubled()}
        assert doubled <= (set() if can_tell else {r.operation.key for r in taken})
        if not doubled:
            await check_the_end(place)


@asynccontextmanager
async def opened(
    story: Story, folder: Path, server: PostgresServer | None
) -> AsyncIterator[Arena]:
    """Open its world: before the first run, or with news since a run that ended."""
    account, own = mixed_account()
    quirks = DiscovrQuirks(repeats=story.repeats)  # type: ignore[arg-type]
    history = {"collapse": "off", "plays": story.plays}
    options: dict[str, Any] = {"own": own, "discovr": quirks, "history": history}
    async with arena(account, folder, server=server, **options) as place:
        if not story.is_first:
            later = account.plays[9:]
            for play in later:
                account.remove_play(play.id)
            assert (await place.migrate()).is_complete
            for play in later:
                place_of = play.episode and (play.episode.season, play.episode.number)
                season, number = place_of or (None, None)
                account.add_play(
                    play.title, play.watched_at, season=season, number=number
                )
        yield place


async def check_the_end(place: Arena) -> None:
    """See that all is there once, as soon as the lists tell the truth."""
    lie(place, Lie(), Lie())
    report = await place.migrate()
    assert report.is_complete
    assert place.discovr.doubled() == {}
    assert (await place.migrate()).prepared.plan.operations == ()


def lacks_any(place: Arena, known: Iterable[Row]) -> bool:
    """Whether the list of a title lacks anything of what is known to be there."""
    titles, standing = place.discovr.visibility.title, place.discovr.entries()
    shown: set[Key] = set()
    for season in {entry.key.place for entry in standing}:
        listed = [entry for entry in standing if entry.key.place == season]
        listed.sort(key=lambda entry: (entry.updated_at, entry.number), reverse=True)
        cut = place.discovr.visibility.cut(titles, listed, is_first_page=False)
        shown |= {entry.key for entry in cut}
    # What a zero takes back is not looked for.
    zeros = {row.operation.key for row in known if not row.operation.progress}
    return bool({row.operation.key for row in known} - zeros - shown)


async def start(place: Arena, command: str) -> object:
    if command in UNDOS:
        return await place.undo(is_each=command != "undo")
    if command == "migrate":
        return await place.migrate()
    return await place.sync(prune=command == "prune")


def lie(place: Arena, big: Lie, title: Lie) -> None:
    place.discovr.visibility.big, place.discovr.visibility.title = big, title


@asynccontextmanager
async def ledger_of(place: Arena) -> AsyncIterator[tuple[Ledger, str]]:
    async with await Ledger.open(place.settings.state.url) as ledger:
        yield ledger, place.discovr.profiles[0].id


async def unsettled(place: Arena) -> list[Row]:
    async with ledger_of(place) as (ledger, profile):
        return await ledger.unsettled(profile)


async def applied(place: Arena) -> list[Row]:
    """Return what is there by the ledger."""
    async with ledger_of(place) as (ledger, profile):
        rows = await ledger.rows(profile, outcome=Outcome.APPLIED)
    return [row for row in rows if row.undone_at is None]


async def undoing(place: Arena) -> AbstractSet[tuple[int, str]]:
    async with ledger_of(place) as (ledger, profile):
        return await recall_undoing(ledger, profile)


FIRST, SECOND = Key("MV_101"), Key("MV_102")


@asynccontextmanager
async def killed_at_the_second(folder: Path, phase: Phase) -> AsyncIterator[Arena]:
    """Open a world in which one film is there, and a run died with the next one."""
    account = Account([film(1), film(2)])
    account.add_play(account.find("Film 1"), watched_on(1))
    async with arena(account, folder) as place:
        assert (await place.migrate()).is_complete
        account.add_play(account.find("Film 2"), watched_on(2))

        def is_moment(request: web.Request, now: Phase) -> bool:
            return (
                request.method == "POST" and "history" in request.path and now is phase
            )

        assert await run_until(place, place.migrate(), is_moment)
        yield place


async def test_while_lists_lack_what_is_there_a_write_in_doubt_waits(
    tmp_path: Path,
) -> None:
    async with killed_at_the_second(tmp_path, Phase.DONE) as place:
        writes = place.writes()
        lie(place, EMPTY, EMPTY)
        for _ in range(2):  # it says to run it again, and somebody does so at once
            report = await place.migrate()
            assert place.writes() == writes
            assert [o.key for o in report.failed] == [SECOND]
            assert exit_code(report, is_strict=False) == 4
            assert report.balance()[0].is_even
        lie(place, Lie(), Lie())
        assert (await place.migrate()).is_complete
        assert place.writes() == writes
        assert await unsettled(place) == []


@pytest.mark.parametrize("is_forced", choose([False], *[[False, True]] * 2))
async def test_what_waits_is_sent_once_it_is_clear_that_the_person_removed_the_other(
    tmp_path: Path, *, is_forced: bool
) -> None:
    async with killed_at_the_second(tmp_path, Phase.BEFORE) as place:
        place.discovr.person_removes(FIRST)
        assert [o.key for o in (await place.migrate()).failed] == [SECOND]
        if not is_forced:
            place.clock.advance(DOUBTED_FOR.total_seconds())
        assert (await place.migrate(is_forced=is_forced)).is_complete
        assert [entry.key for entry in place.discovr.entries()] == [SECOND]


async def test_what_is_known_to_be_new_does_not_wait(tmp_path: Path) -> None:
    async with killed_at_the_second(tmp_path, Phase.BEFORE) as place:
        place.discovr.person_removes(FIRST)
        place.account.titles.append(film(3))
        place.account.add_play(place.account.find("Film 3"), watched_on(3))
        assert [o.key for o in (await place.migrate()).failed] == [SECOND]
        assert [entry.key for entry in place.discovr.entries()] == [Key("MV_103")]


@pytest.mark.long
@pytest.mark.parametrize("phase", Phase)
async def test_what_a_killed_undo_may_have_left_waits_too(
    tmp_path: Path, phase: Phase
) -> None:
    account = Account([film(1), film(2)])
    account.add_play(account.find("Film 1"), watched_on(1))
    async with arena(account, tmp_path) as place:
        assert (await place.migrate()).is_complete
        account.add_play(account.find("Film 2"), watched_on(2))
        assert (await place.migrate()).is_complete

        def is_moment(request: web.Request, now: Phase) -> bool:
            return request.method == "DELETE" and now is phase

        assert await run_until(place, place.undo(), is_moment)
        writes = place.writes()
        lie(place, EMPTY, EMPTY)
        assert [o.key for o in (await place.migrate()).failed] == [SECOND]
        assert place.writes() == writes
        lie(place, Lie(), Lie())
        assert (await place.migrate()).is_complete
        assert place.discovr.doubled() == {}
        there = [entry.key for entry in place.discovr.entries()]
        assert sorted(there) == [FIRST, SECOND]


async def test_it_says_what_waits_and_what_to_do(tmp_path: Path) -> None:
    said: list[str] = []
    async with killed_at_the_second(tmp_path, Phase.DONE) as place:
        lie(place, EMPTY, EMPTY)
        async with build(
            place.settings, clock=place.clock, on_event=lambda e: said.append(str(e))
        ) as services:
            await pipeline.migrate(services, confirm=_agree)
    (words,) = [text for text in said if "not sent again:" in text]
    assert "1 write not sent again" in words
    assert "Run it again in an hour" in words
    assert "--force" in words


async def _agree(_report: Report) -> bool:
    return True
