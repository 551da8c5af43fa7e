"""Whoever adds or removes an entry while a list is read moves its pages by one.

Then one entry comes twice, or not at all. Entries have no id, so the list of the title
tells; whatever was hidden is not written again.
"""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.plays import Key
from sync.ledger.fact_names import ENTRIES
from sync.pipeline import run as pipeline
from sync.sandbox.account.account import Account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.wiring.bootstrap import build
from tests.restore_suite.copies import as_listed, put_down
from tests.safety.accounts import film, show, watched_on
from tests.safety.arena import Arena, Phase, arena
from tests.safety.test_lists_that_lie import WEEK_S, watch_something_new

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from aiohttp import web

    from sync.pipeline.result import Report
    from sync.sandbox.discovr.history import StoredEntry

HISTORY = "/profile/history"
#: What the person has that no run is about: it is older, and fills the later pages.
FILMS = [Key(f"MV_{number}") for number in range(5_000, 5_070)]
WAYS = ["migrate", "weekly", "verify", "prune"]


@dataclass
class Mover:
    """Has the person add or remove something before the second page of a reading.

    ``moved`` is the entry at the edge of each: what comes twice, or not at all.
    """

    place: Arena
    is_removal: bool = False
    path: str = HISTORY
    times: int = 1
    moved: list[StoredEntry] = field(default_factory=list)
    removed: int = 0
    _films: int = 9_000
    _has_begun: bool = False

    def __call__(self, request: web.Request, phase: Phase) -> bool:
        if request.path == self.path and phase is Phase.BEFORE:
            is_next = "nextPageToken" in request.query
            if is_next and self._has_begun and self.times:
                self.times -= 1
                self._move()
            self._has_begun = not is_next
        return False

    def _move(self) -> None:
        discovr = self.place.discovr
        listed = self._listed()
        self.moved.append(listed[50 if self.is_removal else 49])
        if self.is_removal:
            self.removed = listed[10].number
            discovr.person_removes(listed[10].key)
        elif self.path == HISTORY:
            self._films += 1
            discovr.person_adds(Key(f"MV_{self._films}"))
        else:
            discovr.person_adds(Key("TV_201", 1, 70))

    def _listed(self) -> Sequence[StoredEntry]:
        book, profile = self.place.discovr._book, self.place.discovr.profiles[0].id
        if self.path == HISTORY:
            return book.newest_first(profile)
        media = self.path.rpartition("/")[2]
        entries = [e for e in book.entries(profile) if e.key.media == media]
        return sorted(entries, key=lambda e: (e.updated_at, e.number), reverse=True)


@asynccontextmanager
async def settled(folder: Path, **history: Any) -> AsyncIterator[Arena]:
    """Open an arena whose profile a run has settled: 58 of its entries are ours."""
    account = Account([])
    for number in range(1, 55):
        account.titles.append(title := film(number))
        account.add_play(title, watched_on(9, number))
    account.titles.append(title := show(1, 6))
    for number in range(1, 5):
        account.add_play(title, watched_on(8, number), season=1, number=number)
    older = [(key, 100, watched_on(-900)) for key in FILMS]
    quirks = DiscovrQuirks(shifting_cursors=True)
    async with arena(
        account, folder, own=older, discovr=quirks, history=history
    ) as place:
        assert (await place.sync()).is_complete
        place.clock.advance(7200)
        place.discovr.seen.clear()
        yield place


async def run(place: Arena, way: str) -> Report:
    if way == "verify":
        async with build(place.settings, clock=place.clock, is_dry=True) as services:
            return await pipeline.verify(services)
    if way == "migrate":
        return await place.migrate()
    place.clock.advance(WEEK_S)
    return await place.sync(prune=way == "prune")


def ours(place: Arena) -> list[StoredEntry]:
    return [e for e in place.discovr.entries() if e.imported == "trakt"]


async def counted(place: Arena) -> int:
    """Return how many entries stand in the profile, as the ledger has it."""
    async with build(place.settings, clock=place.clock, is_dry=True) as services:
        profile = place.discovr.profiles[0].id
        fact = await services.ledger.get_fact(profile, ENTRIES)
        return int(fact["count"])


@pytest.mark.parametrize("way", WAYS)
async def test_an_entry_that_two_pages_show_is_one(tmp_path: Path, way: str) -> None:
    async with settled(tmp_path) as place:
        before, there = ours(place), len(place.discovr.entries())
        place.tell(mover := Mover(place))
        report = await run(place, way)
        assert mover.moved[0].imported == "trakt"
        assert ours(place) == before
        assert len(report.prepared.existing) == there  # the new one came too late
        place.tell(mover := Mover(place))
        check = (await run(place, "verify")).verification
        assert check
        assert (check.doubled, check.missing, check.entries) == ((), (), there + 1)


async def test_the_check_after_a_run_tells_of_no_doubling(tmp_path: Path) -> None:
    async with settled(tmp_path) as place:
        watch_something_new(place.account)
        place.tell(mover := Mover(place, times=2))
        report = await place.migrate()
        assert len(mover.moved) == 2
        assert report.verification
        assert report.verification.is_clean
        assert report.is_complete
        # What came during the last reading is not known yet.
        assert await counted(place) == len(place.discovr.entries()) - 1


@pytest.mark.parametrize("at", [48, 49, 50])
async def test_what_stands_there_twice_is_told_on_whatever_page(
    tmp_path: Path, at: int
) -> None:
    """Both of one page, one on each of two, and both of the other."""
    async with settled(tmp_path) as place:
        discovr = place.discovr
        listed = discovr._book.newest_first(discovr.profiles[0].id)
        twin = listed[at]
        discovr._book.put(replace(twin, number=discovr._book.next_number()))
        discovr._book._sorted.clear()
        check = (await run(place, "verify")).verification
        assert check
        assert check.doubled == (twin.key,)
        assert check.entries == len(discovr.entries())


@pytest.mark.parametrize("way", WAYS)
async def test_an_entry_that_no_page_shows_is_not_written_again(
    tmp_path: Path, way: str
) -> None:
    async with settled(tmp_path) as place:
        before = ours(place)
        place.tell(mover := Mover(place, is_removal=True))
        report = await run(place, way)
        gone = {*before} - {*ours(place)}
        assert mover.moved[0].imported == "trakt"
        assert [entry.number for entry in gone] == [mover.removed]
        assert {*ours(place)} < {*before}
        assert report.prepared.plan.operations == ()
        check = (await run(place, "verify")).verification
        assert check
        assert check.is_whole


@pytest.mark.parametrize("is_removal", [False, True])
async def test_a_restore_brings_back_what_is_missing_and_no_more(
    tmp_path: Path, is_removal: bool
) -> None:
    async with settled(tmp_path) as place:
        copy = put_down(place, as_listed(place.discovr.entries()))
        before, lost = place.marks(), ours(place)[9].key
        place.discovr.person_removes(lost)
        place.tell(mover := Mover(place, is_removal=is_removal))
        done = await place.restore(copy)
        assert len(mover.moved) == 1
        assert [o.key for o in done.operations][:1] == [lost]
        assert len(done.operations) == 1 + is_removal
        assert done.is_complete
        place.tell(None)
        assert before - place.marks() == Counter()
        assert place.discovr.doubled() == {}


@pytest.mark.parametrize("is_removal", [False, True])
async def test_an_undo_takes_back_all_of_a_long_season(
    tmp_path: Path, is_removal: bool
) -> None:
    account = Account([title := show(1, 70)])
    for number in range(1, 61):
        account.add_play(title, watched_on(1, number), season=1, number=number)
    quirks, history = DiscovrQuirks(shifting_cursors=True), {"collapse": "off"}
    own = [(Key("TV_201", 1, 70), 100, watched_on(0))]
    async with arena(
        account, tmp_path, own=own, discovr=quirks, history=history
    ) as place:
        assert (await place.sync()).is_complete
        place.tell(mover := Mover(place, is_removal, f"{HISTORY}/TV_201"))
        undone = await place.undo()
        assert len(mover.moved) == 1
        assert undone.left_alone == {}
        assert {e.imported for e in place.discovr.entries()} == {None}
