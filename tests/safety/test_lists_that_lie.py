"""No list of Discovr is proof by itself: what it lacks is not written again."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Any, get_args

import pytest

from connectors.errors import ConfigError
from sync.cli.runner import Exit
from sync.domain.guard import FEWEST_GUARDED
from sync.domain.plan import Fate
from sync.domain.plays import Key
from sync.domain.watermark import RECONCILE_EVERY
from sync.domain.writes import Outcome
from sync.errors import HiddenEntriesError, MissingEntriesError
from sync.ledger.fact_names import REMOVES
from sync.pipeline import run as pipeline
from sync.pipeline.missing import DOUBTED_FOR
from sync.pipeline.result import exit_code
from sync.pipeline.undo import RemovedTooMuchError
from sync.sandbox.account.account import Account
from sync.sandbox.discovr.quirks import DiscovrQuirks, Repeated, Without
from sync.sandbox.discovr.visibility import Lie
from sync.sandbox.server.faults import Fault
from sync.wiring.bootstrap import build
from tests.long import choose
from tests.restore_suite.copies import as_listed, put_down
from tests.safety.accounts import AIRED_AT, film, mixed_account, show, watched_on
from tests.safety.arena import Arena, Phase, arena
from tests.safety.databases import spread
from tests.safety.reading import shown, watched
from tests.safety.test_machine import Safety

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

    from sync.pipeline.result import Report
    from tests.postgres import PostgresServer

WEEK_S = RECONCILE_EVERY.total_seconds() + 1
FILM = Key("MV_101")
LISTINGS = ["listed", "merged", "counted"]
#: Every way in which a list shows too little.
LIES = {
    "empty": Lie(ends_after=0),
    "cut after a few": Lie(ends_after=5),
    "without the newest": Lie(lags_s=10**7),
    "empty once": Lie(ends_after=0, readings=1),
    "cut twice": Lie(ends_after=3, readings=2),
    "a moment late": Lie(lags_s=3),
}


@asynccontextmanager
async def settled(
    folder: Path,
    *,
    copies: int = 1,
    history: dict[str, Any] | None = None,
    server: PostgresServer | None = None,
    **quirks: Any,
) -> AsyncIterator[Arena]:
    """Open an arena whose profile a run has settled."""
    account, own = mixed_account(copies)
    async with arena(
        account,
        folder,
        own=own,
        discovr=DiscovrQuirks(**quirks),
        history=history or {},
        server=server,
    ) as place:
        assert (await place.sync()).is_complete
        yield place


async def run_again(place: Arena, how: str, **options: Any) -> Report:
    if how == "migrate":
        return await place.migrate(**options)
    place.clock.advance(WEEK_S)
    return await place.sync(**options)


def lie(place: Arena, big: Lie, title: Lie | None = None) -> None:
    place.discovr.visibility.big = big
    place.discovr.visibility.title = title or Lie()


def watch_something_new(account: Account, number: int = 77) -> None:
    title = film(number)
    account.titles.append(title)
    account.add_play(title, watched_on(50))


#: Every lie to every run. A step of five meets every value of each.
LIED_TO = list(
    product(LIES, ["migrate", "the weekly reading"], LISTINGS, ["latest", "all"])
)


@pytest.mark.parametrize(
    ("case", "database"),
    spread(choose(LIED_TO[::5], LIED_TO[2::5], LIED_TO), "-".join),
)
async def test_a_list_that_shows_too_little_doubles_nothing(
    tmp_path: Path, case: tuple[str, ...], server: PostgresServer | None
) -> None:
    kind, how, repeats, plays = case
    history = {"plays": plays}
    async with settled(
        tmp_path, repeats=repeats, history=history, server=server
    ) as place:
        before = place.marks()
        big = LIES[kind]
        lie(place, Lie(big.lags_s, big.ends_after, big.readings))
        report = await run_again(place, how)
        assert place.marks() == before
        assert report.is_complete
        assert not report.prepared.plan.gone
        watch_something_new(place.account)
        await place.sync()
        assert place.discovr.doubled() == {}
        assert place.marks().total() == before.total() + 1


@pytest.mark.parametrize("how", ["migrate", "the weekly reading"])
@pytest.mark.parametrize("kind", ["empty", "cut after a few", "without the newest"])
async def test_where_every_list_shows_too_little_a_guard_refuses(
    tmp_path: Path, kind: str, how: str
) -> None:
    async with settled(tmp_path, copies=3) as place:
        before, big = place.marks(), LIES[kind]
        title = Lie(
            lags_s=big.lags_s, ends_after=0 if big.ends_after is not None else None
        )
        lie(place, big, title)
        for _ in range(2):  # and it is not noted as what the person wanted
            with pytest.raises(MissingEntriesError, match="does not show") as refusal:
                await run_again(place, how)
            assert refusal.value.exit_code == Exit.GUARD
        with pytest.raises(MissingEntriesError):
            await verify(place)
        assert place.marks() == before
        lie(place, Lie())
        assert (await run_again(place, how)).is_complete
        assert place.marks() == before


@pytest.mark.parametrize("how", ["sync", "migrate"])
async def test_what_a_copy_brought_back_is_looked_for_too(
    tmp_path: Path, how: str
) -> None:
    """The ledger has it as written, whoever it belongs to now."""
    async with settled(tmp_path, history={"collapse": "off"}) as place:
        place.clock.advance(7200)
        copy = put_down(place, as_listed(place.discovr.entries()))
        for number in (3, 5):
            place.discovr.person_removes(Key("TV_202", 1, number))
        assert (await place.restore(copy)).is_complete
        before = place.marks()
        show = place.account.find("Show 2")
        place.account.add_play(show, watched_on(50), season=1, number=4)
        lie(place, Lie(lags_s=3600), Lie(lags_s=3600))
        await getattr(place, how)()
        assert place.discovr.doubled() == {}
        assert place.marks().total() == before.total() + 1
        # Whoever removes it again has it removed.
        lie(place, Lie())
        place.discovr.person_removes(Key("TV_202", 1, 5))
        await run_again(place, "the weekly reading")
        assert Key("TV_202", 1, 5) not in {e.key for e in place.discovr.entries()}


HIDING = [
    (kind, repeats)
    for kind in ("without the newest", "empty", "cut after a few")
    for repeats in LISTINGS[:2]
]


@pytest.mark.parametrize(
    ("hiding", "database"), spread(choose(HIDING[:1], HIDING, HIDING), "-".join)
)
async def test_an_undo_writes_nothing_off_that_lists_merely_lack(
    tmp_path: Path, hiding: tuple[str, str], server: PostgresServer | None
) -> None:
    (kind, repeats), history = hiding, {"collapse": "off"}
    async with settled(
        tmp_path, copies=2, repeats=repeats, history=history, server=server
    ) as place:
        before, big = place.marks(), LIES[kind]
        title = Lie(big.lags_s, None if big.ends_after is None else 0)
        lie(place, big, title)
        for _ in range(2):
            with pytest.raises(HiddenEntriesError, match="does not show") as refusal:
                await place.undo()
            assert refusal.value.exit_code == Exit.GUARD
            assert "undo --force" in refusal.value.remedy
            assert place.marks() == before
        with pytest.raises(MissingEntriesError):  # and none of it is written again
            await place.migrate()
        lie(place, Lie())
        undone = await place.undo()
        assert (undone.gone, undone.left_alone) == ([], {})
        assert {e.imported for e in place.discovr.entries()} == {None}


@pytest.mark.long
async def test_what_the_person_removed_of_a_run_can_still_be_undone(
    tmp_path: Path,
) -> None:
    history = {"collapse": "off"}
    async with settled(tmp_path, copies=2, history=history) as place:
        ours = [e.key for e in place.discovr.entries() if e.imported]
        for key in ours[2:]:
            place.discovr.person_removes(key)
        with pytest.raises(HiddenEntriesError):
            await place.undo()
        undone = await place.undo(is_forced=True)
        assert {*undone.gone} == {*ours[2:]}
        assert not {*ours} & {e.key for e in place.discovr.entries()}
        with pytest.raises(ConfigError, match="nothing to undo any more"):
            await place.undo()
    async with settled(tmp_path / "noted", copies=2, history=history) as place:
        for key in ours[2:]:
            place.discovr.person_removes(key)
        await place.migrate(is_forced=True)  # notes that it is so
        assert (await place.undo()).left_alone == {}


async def verify(place: Arena) -> Report:
    async with build(place.settings, clock=place.clock, is_dry=True) as services:
        return await pipeline.verify(services)


async def test_what_a_guard_refused_can_be_forced_and_then_stays_removed(
    tmp_path: Path,
) -> None:
    async with settled(tmp_path, copies=3) as place:
        for entry in place.discovr.entries():
            place.discovr.person_removes(entry.key)
        with pytest.raises(MissingEntriesError):
            await place.migrate()
        report = await place.migrate(is_forced=True)
        assert report.is_complete
        assert report.balance()[0].gone >= FEWEST_GUARDED
        gone = report.prepared.plan.gone
        assert not gone & {entry.key for entry in place.discovr.entries()}
        assert (await place.migrate()).prepared.plan.operations == ()
        place.history["conflict"] = "trakt"
        place.clock.advance(DOUBTED_FOR.total_seconds())
        report = await place.migrate()
        assert report.is_complete
        assert report.prepared.plan.gone == frozenset()
        assert place.discovr.doubled() == {}


@pytest.mark.parametrize("plays", ["latest", "all"])
@pytest.mark.parametrize("how", ["migrate", "the weekly reading"])
async def test_what_the_person_removed_stays_removed_and_is_paid_for_once(
    tmp_path: Path, how: str, plays: str
) -> None:
    async with settled(tmp_path, history={"plays": plays}) as place:
        place.discovr.person_removes(FILM)
        before = place.marks()
        report = await run_again(place, how)
        assert report.is_complete
        assert place.marks() == before
        assert report.prepared.plan.gone == {FILM}
        assert report.prepared.plan.fates[FILM] is Fate.KEPT
        total, titles = report.balance()
        assert total.is_even
        assert total.gone == sum(b.gone for b in titles.values()) == 3
        assert look_ups(place) == 2
        place.discovr.seen.clear()
        assert (await place.migrate()).balance()[0].gone == total.gone
        assert look_ups(place) == 0
        # Looked at again once a week: it may have been the title's list that lagged.
        place.clock.advance(WEEK_S)
        assert (await place.sync()).balance()[0].gone == total.gone
        assert look_ups(place) == 2
        place.discovr.person_adds(FILM, at=watched_on(22), imported="trakt")
        # One of three viewings is there again, and stands for all unless each counts.
        left = 2 if plays == "all" else 0
        assert (await place.migrate()).balance()[0].gone == left
        assert place.discovr.doubled() == {}


def look_ups(place: Arena, path: str = "/profile/history/MV_101") -> int:
    return len(place.discovr.requests("GET", path))


async def test_conflict_trakt_writes_it_again_once_it_was_looked_up(
    tmp_path: Path,
) -> None:
    async with settled(tmp_path) as place:
        place.discovr.person_removes(FILM)
        assert (await place.migrate()).balance()[0].gone
        place.history["conflict"] = "trakt"
        place.clock.advance(DOUBTED_FOR.total_seconds())
        report = await place.migrate()
        assert FILM in {o.key for o in report.prepared.plan.operations}
        assert report.is_complete
        assert [e.key for e in place.discovr.entries()].count(FILM) == 1


#: Fewer than a guard asks about.
LAGGING = list(
    product(["migrate", "sync", "rewritten"], ["latest", "all"], LISTINGS, [1, 2, 3])
)


@pytest.mark.parametrize("case", choose(LAGGING[::8], LAGGING[::5], LAGGING))
async def test_conflict_trakt_writes_nothing_again_that_lists_lack_for_a_while(
    tmp_path: Path, case: tuple[str, str, Any, int]
) -> None:
    """What was written a moment ago is no removal of the person's, however it looks."""
    how, plays, repeats, films = case
    account = Account([film(99), show(1, 4), *map(film, range(1, films + 1))])
    account.add_play(account.titles[0], watched_on(-1))
    quirks = DiscovrQuirks(repeats=repeats)
    history = {"conflict": "trakt", "plays": plays}
    async with arena(account, tmp_path, discovr=quirks, history=history) as place:
        await place.sync()  # the first one is read back
        place.clock.advance(60)
        lie(place, Lie(lags_s=60), Lie(lags_s=60))
        for number in range(1, 5):
            account.add_play(account.titles[1], watched_on(1), season=1, number=number)
        for day, title in enumerate(account.titles[2:]):
            account.add_play(title, watched_on(day))
        await place.sync()
        if how == "rewritten":  # a finding of before says nothing of it
            place.clock.advance(2 * 3600)
            for entry in place.discovr.entries():
                if entry.key != Key("MV_199"):
                    place.discovr.person_removes(entry.key)
            await place.migrate()
        elif how == "sync":
            title = place.account.find("Show 1")
            place.account.add_play(title, watched_on(60), season=1, number=1)
        before, written = place.marks(), place.writes()
        for _ in range(2):
            place.clock.advance(10)
            report = await (place.sync() if how == "sync" else place.migrate())
            assert {s.outcome for s in report.settled.values()} == {Outcome.UNKNOWN}
            assert exit_code(report, is_strict=False) == Exit.INCOMPLETE
            assert (place.marks(), place.writes()) == (before, written)
        place.clock.advance(60)
        lie(place, Lie())
        assert (await place.migrate()).is_complete
        assert place.discovr.doubled() == {}


@pytest.mark.parametrize("is_forced", [False, True])
async def test_what_was_removed_at_once_waits_for_an_hour_unless_it_is_forced(
    tmp_path: Path, *, is_forced: bool
) -> None:
    async with settled(tmp_path, history={"conflict": "trakt"}) as place:
        place.discovr.person_removes(FILM)
        report = await place.migrate(is_forced=is_forced)
        assert report.is_complete is is_forced
        if not is_forced:
            assert {o.key for o in report.failed} == {FILM}
            place.clock.advance(DOUBTED_FOR.total_seconds())
            assert (await place.migrate()).is_complete
        assert [e.key for e in place.discovr.entries()].count(FILM) == 1


async def test_what_only_seemed_to_be_gone_is_found_before_it_is_sent(
    tmp_path: Path,
) -> None:
    async with settled(tmp_path) as place:
        place.discovr.person_removes(FILM)
        assert (await place.migrate()).balance()[0].gone
        place.history["conflict"] = "trakt"
        place.clock.advance(DOUBTED_FOR.total_seconds())
        place.discovr.person_adds(FILM, at=watched_on(22), imported="trakt")
        lie(place, Lie(ends_after=0))
        report = await place.migrate()
        assert FILM in {o.key for o in report.prepared.plan.operations}
        assert [e.key for e in place.discovr.entries()].count(FILM) == 1


async def test_a_removed_season_is_not_brought_back_by_a_new_default(
    tmp_path: Path,
) -> None:
    title, default = show(1, 8), Key("TV_201", 1)
    account = Account([title])
    # Four have aired by then, and the fifth comes four days later.
    halfway = AIRED_AT + timedelta(days=364 + 31)
    for number in range(1, 5):
        account.add_play(title, halfway, season=1, number=number)
    async with arena(account, tmp_path) as place:
        await place.sync()
        assert [e.key for e in place.discovr.entries()] == [default]
        place.discovr.person_removes(default)
        for number in range(5, 9):
            account.add_play(title, watched_on(0, number), season=1, number=number)
        report = await place.sync()
        assert {e.key.episode for e in place.discovr.entries()} == {5, 6, 7, 8}
        assert report.balance()[0].gone == 4


async def test_a_play_after_the_removal_is_news(tmp_path: Path) -> None:
    async with settled(tmp_path) as place:
        place.discovr.person_removes(FILM)
        await place.migrate()
        place.clock.advance(2 * 86_400)
        title = place.account.find("Film 1")
        place.account.add_play(title, place.clock.now())
        assert (await place.sync()).is_complete
        assert [e.key for e in place.discovr.entries()].count(FILM) == 1


@pytest.mark.parametrize("lags_s", [0, 2, 4])
async def test_a_place_that_sync_touches_is_looked_at_twice(
    tmp_path: Path, lags_s: float
) -> None:
    """Its title's list lags: the season's default would be written a second time."""
    async with settled(tmp_path) as place:
        before = place.marks()
        title = place.account.find("Show 1")
        place.account.add_play(title, watched_on(60), season=1, number=1)
        lie(place, Lie(), Lie(ends_after=0, readings=1) if lags_s else Lie())
        report = await place.sync()
        assert report.prepared.since is not None
        assert place.marks() == before
        assert not report.prepared.plan.gone


async def test_a_list_that_shrank_is_read_again_and_else_only_once(
    tmp_path: Path,
) -> None:
    async with settled(tmp_path) as place:
        place.discovr.seen.clear()
        await place.migrate()
        pages = len(place.discovr.requests("GET", "/profile/history"))
        assert pages == 1
        assert look_ups(place) == 0
        lie(place, Lie(ends_after=3, readings=1))
        await place.migrate()
        assert len(place.discovr.requests("GET", "/profile/history")) == pages + 2
        assert [r for r in place.discovr.seen if "/profile/history/" in r.path] == []


async def test_what_was_undone_is_not_missed(tmp_path: Path) -> None:
    async with settled(tmp_path) as place:
        async with build(place.settings, clock=place.clock) as services:
            await pipeline.undo(services, None)
        place.discovr.seen.clear()
        report = await place.migrate()
        assert report.is_complete
        assert report.balance()[0].gone == 0
        # One reading before, one after.
        asked = [r.path for r in place.discovr.seen if r.method == "GET"]
        assert asked.count("/profile/history") == 2


#: Every reading of DELETE.
TAKEN = list(
    product(get_args(Repeated), get_args(Without), LISTINGS, ["latest", "all"])
)


@pytest.mark.parametrize(
    ("case", "database"), spread(choose(TAKEN[::5], TAKEN[2::5], TAKEN), "-".join)
)
async def test_what_an_undo_took_is_not_what_the_person_removed(
    tmp_path: Path, case: tuple[str, ...], server: PostgresServer | None
) -> None:
    repeated, without, repeats, plays = case
    options: dict[str, Any] = {
        "repeats": repeats,
        "delete_repeats": repeated,
        "delete_without_episode": without,
        "history": {"plays": plays},
        "server": server,
    }
    async with settled(tmp_path, **options) as place:
        before = place.marks()
        undone = await place.undo()
        assert not undone.left_alone.keys() & {*undone.removed}
        left = {entry.key for entry in place.discovr.entries()}
        assert not left & {*undone.removed}
        report = await place.migrate()
        assert report.is_complete
        assert report.balance()[0].gone == 0
        assert place.marks() == before
        assert place.discovr.doubled() == {}


@pytest.mark.parametrize("count", [1, 2])
async def test_of_repeats_that_an_undo_took_in_part_none_is_missed(
    tmp_path: Path, count: int
) -> None:
    """Discovr takes one repeat at a time, and refuses after some."""
    history = {"plays": "all"}
    async with settled(tmp_path, delete_repeats="newest", history=history) as place:
        before, taken = place.marks(), 0

        def refuse(request: web.Request, _number: int) -> Fault | None:
            nonlocal taken
            is_film = request.path.endswith(FILM.media)
            if request.method != "DELETE" or not is_film:
                return None
            taken += 1
            return Fault.answer(400) if taken > count else None

        place.discovr.faults = refuse
        undone = await place.undo()
        place.discovr.faults = None
        assert FILM in undone.failed
        left = [e for e in place.discovr.entries() if e.key == FILM]
        assert len(left) == 3 - count
        report = await place.migrate()
        assert report.is_complete
        assert report.balance()[0].gone == 0
        assert place.marks() == before


async def test_what_a_removal_took_of_other_runs_is_written_again(
    tmp_path: Path,
) -> None:
    title, default = show(1, 8), Key("TV_201", 1)
    account = Account([title])
    halfway = AIRED_AT + timedelta(days=364 + 31)
    for number in range(1, 5):
        account.add_play(title, halfway, season=1, number=number)
    quirks = DiscovrQuirks(delete_without_episode="season")
    async with arena(account, tmp_path, discovr=quirks) as place:
        first = await place.sync()
        assert [e.key for e in place.discovr.entries()] == [default]
        for number in range(5, 9):
            account.add_play(title, watched_on(0, number), season=1, number=number)
        await place.sync()
        async with build(place.settings, clock=place.clock) as services:
            # As it was learnt while Discovr still took a default alone.
            now = place.clock.now()
            fact = {"takes_season": False, "at": now.isoformat(), "trial": None}
            (profile,) = await services.ledger.profiles()
            await services.ledger.put_fact(profile, REMOVES, fact, now)
            with pytest.raises(RemovedTooMuchError, match="S01E05"):
                await pipeline.undo(services, first.run)
        assert place.discovr.entries() == []
        report = await place.migrate()
        assert report.balance()[0].gone == 0
        assert shown(account, place.discovr.entries()).surely == watched(account).keys()


@pytest.mark.parametrize("lags_s", [3, 60])
async def test_a_list_that_lags_behind_a_run_does_not_fail_it(
    tmp_path: Path, lags_s: float
) -> None:
    account, own = mixed_account()
    async with arena(account, tmp_path, own=own) as place:
        lie(place, Lie(lags_s=lags_s))
        report = await place.migrate()
        assert report.is_complete
        assert report.verification
        assert report.verification.missing == ()
        before = place.marks()
        assert (await place.migrate()).is_complete
        assert place.marks() == before


async def test_a_finding_of_the_week_is_looked_at_again_with_the_weekly_reading(
    tmp_path: Path,
) -> None:
    async with settled(tmp_path) as place:
        place.discovr.person_removes(FILM)
        place.clock.advance(WEEK_S / 2)
        place.account.add_play(place.account.find("Film 1"), watched_on(23))
        report = await place.sync()
        assert report.prepared.since is not None
        assert report.prepared.plan.gone == {FILM}
        place.discovr.seen.clear()
        place.clock.advance(WEEK_S / 2)
        report = await place.sync()
        assert report.prepared.since is None
        assert report.prepared.plan.gone == {FILM}
        assert look_ups(place) == 2


async def test_undo_waits_for_a_list_that_lags(tmp_path: Path) -> None:
    account, _ = mixed_account()
    async with arena(account, tmp_path) as place:
        await place.migrate()
        lie(place, Lie(), Lie(lags_s=place.clock.monotonic() + 3))
        undone = await place.undo()
        assert undone.gone == []
        lie(place, Lie())
        assert place.discovr.entries() == []


@pytest.mark.parametrize("plays", ["latest", "all"])
@pytest.mark.parametrize("number", [16, 22])
@pytest.mark.parametrize("readings", [1, 2, 3])
def test_what_a_killed_run_sent_is_looked_for_more_than_once(
    plays: str, number: int, readings: int
) -> None:
    """The ledger has these writes as intended only, and both lists show too little."""
    story = Safety()
    story.open(DiscovrQuirks(), collapse="off", plays=plays)
    try:
        story.a_run_is_killed(command="migrate", number=number, phase=Phase.DONE)
        lies = (Lie(ends_after=0), Lie(ends_after=0, readings=readings))
        story.the_lists_show_too_little(command="migrate", lie=lies)
        assert not story.place.discovr.doubled()
    finally:
        story.teardown()
