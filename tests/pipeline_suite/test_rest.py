"""Whether a run looks at all titles or at a few, it comes to the same."""

from __future__ import annotations

import sqlite3
from contextlib import AsyncExitStack, asynccontextmanager, closing, nullcontext
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import pytest

from connectors.errors import ServiceError
from sync.domain.plays import Key, Kind
from sync.domain.sums import Rest
from sync.ledger.fact_names import MOVE, WATERMARK
from sync.pipeline import changes as pipeline_changes
from sync.pipeline import run as pipeline
from sync.pipeline.documents import report_document
from sync.sandbox.account.account import Account
from sync.sandbox.server.faults import Fault
from sync.wiring.bootstrap import build
from tests.long import choose
from tests.pipeline_suite.test_same_sums import MODES
from tests.safety.accounts import film, mixed_account, show, watched_on
from tests.strangers_suite.test_sources import sources
from tests.strangers_suite.unread import SPOILS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from aiohttp import web

    from sync.domain.histories import TitleHistory
    from sync.pipeline.result import Report
    from sync.sandbox.account.account import Play
    from tests.strangers_suite.test_sources import Sources

    Change = Callable[[Sources, Random], Any]


def some_play(account: Account, random: Random) -> Play:
    return random.choice(sorted(account.plays, key=lambda play: play.id))


def any_time(it: Sources, random: Random) -> Any:
    """Return a time: now, long ago, one of few minutes, or none."""
    at = watched_on(random.randrange(-10, 40), random.randrange(3))
    return random.choice([it.clock.now(), at, at, at, None])


def watch(it: Sources, random: Random) -> None:
    account = it.account
    name = random.choice(["Film 1", "Film 2", "Film 4", "Show 1", "Show 2", "Show 3"])
    title = account.find(name)
    if title.kind is Kind.FILM:
        account.add_play(title, any_time(it, random))
        return
    season = random.choice(title.seasons)
    episode = random.choice(season.episodes)
    at = any_time(it, random)
    account.add_play(title, at, season=season.number, number=episode.number)


def remove(it: Sources, random: Random) -> None:
    it.account.remove_play(some_play(it.account, random).id)


def move(it: Sources, random: Random) -> None:
    play = some_play(it.account, random)
    at = watched_on(random.randrange(40), random.randrange(3))
    it.account.move_play(play.id, at, keeps_id=random.random() < 0.5)


def renumber(it: Sources, random: Random) -> None:
    play = some_play(it.account, random)
    if play.episode is not None:
        it.account.renumber_play(play.id, random.randrange(1, 9))


def _change_title(it: Sources, random: Random, **changes: Any) -> None:
    """Change what Trakt says of a title."""
    account = it.account
    number = random.randrange(len(account.titles))
    old = account.titles[number]
    new = account.titles[number] = replace(old, **changes)
    for play in account.plays_of(old):
        account._plays[play.id] = replace(play, title=new)
    account._touch(old.kind, "watched_at")


def rename(it: Sources, random: Random) -> None:
    _change_title(it, random, year=1_990 + random.randrange(30))


def meet(it: Sources, random: Random) -> None:
    """Watch what is new, and goes by an id of its own, of another title, or by none."""
    number = 400 + len(it.account.titles)
    if random.random() < 0.5:
        title = show(number, 3)
    else:
        title = film(number, has_tmdb=random.random() < 0.7)
    if title.ids.tmdb and random.random() < 0.4:
        other = random.choice([t for t in it.account.titles if t.kind is title.kind])
        title = replace(title, ids=replace(title.ids, tmdb=other.ids.tmdb))
    it.account.titles.append(title)
    season = 1 if title.seasons else None
    at = any_time(it, random)
    it.account.add_play(title, at, season=season, number=season)


def pause(it: Sources, random: Random) -> None:
    title = random.choice([t for t in it.account.titles if t.ids.tmdb])
    season = random.choice(title.seasons) if title.seasons else None
    episode = random.choice(season.episodes) if season else None
    at = it.clock.now() - timedelta(hours=random.choice([1, 100, 30_000]))
    it.account.pause(title, random.choice([2, 40, 90]), at, episode)


def watch_much(it: Sources, random: Random) -> None:
    """Watch more titles long ago than are read again by themselves."""
    for name in ("Film 1", "Film 2", "Film 3", "Film 4", "Film 9"):
        title, at = it.account.find(name), watched_on(random.randrange(40))
        it.account.add_play(title, at)


def send_less(it: Sources, random: Random) -> None:
    """Have Trakt send no lists, or leave a play out of its pages and lists, or none."""
    dropped = some_play(it.account, random)
    _have(
        it,
        minimal_unavailable=random.choice([None, 404]),
        dropped_after_slicing=random.choice([frozenset(), {dropped.id}]),
        drops_from_minimal=random.random() < 0.5,
    )
    it.account._touch(dropped.title.kind, "watched_at")


def _have(it: Sources, **quirks: Any) -> None:
    for name, value in quirks.items():
        object.__setattr__(it.place.trakt.quirks, name, value)


def spoil(it: Sources, random: Random) -> None:
    play, how = some_play(it.account, random), random.choice(SPOILS)
    it.place.trakt.quirks.odd[play.id] = how
    it.account._touch(play.title.kind, "watched_at")


def mend(it: Sources, random: Random) -> None:
    del random
    it.place.trakt.quirks.odd.clear()
    _have(it, minimal_unavailable=None, dropped_after_slicing=frozenset())


def person_marks(it: Sources, random: Random) -> None:
    key = random.choice([Key("MV_101"), Key("TV_201", 1, 2), Key("TV_202", 1, 5)])
    it.place.discovr.person_adds(key, progress=100, at=it.clock.now())


def person_removes(it: Sources, random: Random) -> None:
    entries = sorted({e.key for e in it.place.discovr.entries()}, key=str)
    if entries:
        it.place.discovr.person_removes(random.choice(entries))


def let_a_week_go_by(it: Sources, random: Random) -> None:
    if random.random() < 0.3:
        it.clock.advance(timedelta(days=8).total_seconds())


CHANGES: tuple[Change, ...] = (
    watch,
    watch,
    watch,
    watch,
    remove,
    move,
    renumber,
    rename,
    watch_much,
    meet,
    pause,
    send_less,
    spoil,
    mend,
    person_marks,
    person_removes,
    let_a_week_go_by,
)


COMMANDS = (*["sync"] * 5, *["prune"] * 3, "undo", "migrate")
#: What may be set beside what is written and whether seasons are collapsed.
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"conflict": "trakt"},
    {"since": "2022-05-05"},
    {"only": "shows"},
    {"skip": ["Film 1"]},
    {"playback": False},
)


async def look_at_all(*_: Any) -> Rest:
    return Rest()


async def run(it: Sources, command: str, *, is_narrow: bool) -> Report | str:
    """Run it; what it ends with is a part of what is compared."""
    all_of_it = patch.object(pipeline_changes, "find_rest", look_at_all)
    with nullcontext() if is_narrow else all_of_it:
        try:
            it.place.trakt.seen.clear()
            it.place.discovr.seen.clear()
            if command == "undo":
                it.clock.advance(60)
                async with build(it.place.settings, clock=it.clock) as services:
                    undone = await pipeline.undo(services, None)
                    return f"{undone.run}: {undone.removed} {undone.left_alone}"
            if command == "migrate":
                return await it.migrate()
            return await it.sync(prune=command == "prune")
        except ServiceError as error:
            return f"{type(error).__name__}: {error}"


def told_of(history: TitleHistory) -> tuple[str, ...]:
    """Return all that is kept of a title."""
    fates = sorted(map(str, history.fates.items()))
    older = sorted(map(str, history.older.items()))
    head = (history.title, history.media, history.plays, history.seasons)
    return (*map(str, head), *fates, *older)


async def seen_of(it: Sources, report: Report | str) -> dict[str, Any]:
    """Return all that anybody can see of a run."""
    told: Any = report
    if not isinstance(report, str):
        document = report_document(report, "sync", 0, is_kept=False)
        told = document.model_dump(
            mode="json", exclude={"cost", "outlook", "kept_copy"}
        )
    async with build(it.place.settings, clock=it.clock) as services:
        ledger = services.ledger
        profile = it.place.discovr.profiles[0].id
        records, titles = await ledger.holdings(profile)
        facts = await ledger.get_facts(profile, (MOVE, WATERMARK))
        unreadable = [row.identity for row in await ledger.unreadable(profile)]
        kept = sorted((s, *told_of(h)) for s, of in titles.items() for h in of)
    return {
        "told": told,
        "profile": sorted(
            str((e.key, e.progress, e.updated_at)) for e in it.place.discovr.entries()
        ),
        "records": [str(record) for record in records],
        "titles": kept,
        "points": sorted(map(str, it.place.discovr.playback())),
        "facts": facts,
        "unreadable": unreadable,
        "trakt": sorted(it.trakt),
        "discovr": sorted(it.discovr),
    }


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Name where two documents differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in {**one, **other}:
            yield from differences(one.get(name), other.get(name), f"{path}.{name}")
    elif one != other:
        yield f"{path}: {one} / {other}"


@asynccontextmanager
async def twins(
    folder: Path, prepare: Callable[[Account], Any] | None = None, **settings: Any
) -> AsyncIterator[Twins]:
    """Yield two equal lives, both after a first run."""
    async with AsyncExitStack() as stack:
        lives = []
        for name in ("few", "all"):
            account, own = mixed_account()
            if prepare:
                prepare(account)
            here = folder / name
            here.mkdir()
            it = await stack.enter_async_context(sources(account, here))
            it.place.history |= settings
            for mark in own:
                it.place.discovr.person_adds(
                    mark.key, progress=mark.progress, at=mark.at
                )
            assert not isinstance(await run(it, "sync", is_narrow=True), str)
            lives.append(it)
        yield Twins(*lives)


class Twins(NamedTuple):
    """Two lives: the runs of one look at few titles, those of the other at all."""

    few: Sources
    all: Sources

    async def go_on(
        self, change: Callable[[Sources], Any], command: str = "sync"
    ) -> Report | str:
        """Change both alike, run the program, and compare all that can be seen."""
        reports, found = [], []
        for it, is_narrow in ((self.few, True), (self.all, False)):
            change(it)
            reports.append(await run(it, command, is_narrow=is_narrow))
            found.append(await seen_of(it, reports[-1]))
        assert not [*differences(found[0], found[1])], command
        return reports[0]


@pytest.mark.parametrize("seed", choose(range(6), range(20), range(100)))
@pytest.mark.parametrize(("plays", "collapse"), MODES)
async def test_it_comes_to_the_same(
    tmp_path: Path, plays: str, collapse: str, seed: int
) -> None:
    settings = {"plays": plays, "collapse": collapse, **SETTINGS[seed % len(SETTINGS)]}
    steps = Random(seed)  # noqa: S311  # the same every time
    async with twins(tmp_path, **settings) as both:
        for _ in range(8):
            seeds = [steps.random() for _ in range(steps.choice([1, 1, 2]))]
            changes = [(steps.choice(CHANGES), number) for number in seeds]

            def change(it: Sources, changes: Any = changes) -> None:
                for make, number in changes:
                    make(it, Random(number))  # noqa: S311  # the same every time

            await both.go_on(change, steps.choice(COMMANDS))


def under_one_id(*days: float) -> Callable[[Account], None]:
    """Have another title under the id of Film 1, watched on these days."""

    def prepare(account: Account) -> None:
        first, double = account.find("Film 1"), film(77)
        ids = replace(double.ids, tmdb=first.ids.tmdb)
        account.titles.append(replace(double, ids=ids))
        for day in days:
            account.add_play(account.find("Film 77"), watched_on(day))

    return prepare


def watch_a_film(it: Sources) -> None:
    it.account.add_play(it.account.find("Film 4"), it.clock.now())


@pytest.mark.parametrize("command", ["sync", "prune"])
@pytest.mark.parametrize("settings", [{}, {"since": "2022-04-01"}])
@pytest.mark.parametrize("days", [(10,), (-400,), (-400, -401, -402), (-400, 10)])
async def test_several_titles_under_one_id(
    tmp_path: Path, days: tuple[float, ...], settings: dict[str, str], command: str
) -> None:
    def forget(it: Sources) -> None:
        for play in it.account.plays_of(it.account.find("Film 77")):
            it.account.remove_play(play.id)

    async with twins(tmp_path, under_one_id(*days), **settings) as both:
        for change in (watch_a_film, forget, watch_a_film):
            await both.go_on(change, command)
        assert Key("MV_101") in both.few.there()


@pytest.mark.parametrize("changes", [{"year": 2021}, {"tmdb": 999}])
@pytest.mark.parametrize("season", [0, 1])
async def test_a_title_that_was_corrected_between_two_pages(
    tmp_path: Path, season: int, changes: dict[str, int]
) -> None:
    def prepare(account: Account) -> None:
        title = show(33, 2, 3, first_season=0)
        account.titles.append(title)
        account.add_play(title, watched_on(30), season=1, number=1)
        play = account.add_play(title, watched_on(31), season=season, number=2)
        ids = replace(title.ids, tmdb=changes.get("tmdb", title.ids.tmdb))
        other = replace(title, ids=ids, year=changes.get("year", title.year))
        account._plays[play.id] = replace(play, title=other)

    def correct(it: Sources) -> None:
        for play in it.account.plays:
            if play.title.ids.trakt == 33:
                now = replace(play, title=it.account.find("Show 33"))
                it.account._plays[play.id] = now
        watch_a_film(it)

    async with twins(tmp_path, prepare) as both:
        # Where one form lacks what the other has, none tells of all plays.
        async with build(both.few.place.settings, clock=both.few.clock) as services:
            profile = both.few.place.discovr.profiles[0].id
            (of_source,) = (await services.ledger.sums(profile)).values()
        is_split = "tmdb" in changes or season == 0
        assert (of_source["show:33"] is None) == is_split
        assert of_source["film:4"]
        await both.go_on(correct)
        await both.go_on(watch_a_film)


async def test_nobody_is_asked_again_because_another_title_is_near(
    tmp_path: Path,
) -> None:
    def meet_two(it: Sources) -> None:
        under_one_id(1)(it.account)
        lost = film(88, has_tmdb=False)
        lost = replace(lost, ids=replace(lost.ids, imdb="tt7777777"))
        it.account.titles.append(lost)
        it.account.add_play(lost, it.clock.now())
        it.place.tmdb.seen.clear()

    async with twins(tmp_path) as both:
        await both.go_on(meet_two)
        asked = [[r.path for r in it.place.tmdb.seen] for it in both]
        assert sorted(asked[0]) == sorted(asked[1])
        assert asked[0]


@pytest.mark.parametrize("takes_effect", [True, False])
async def test_a_write_that_was_left_open_has_its_title_looked_at(
    tmp_path: Path, *, takes_effect: bool
) -> None:
    """Nothing of the title changed: what was removed on Discovr was written again."""
    account, _ = mixed_account()
    lost = Fault.cut_after() if takes_effect else Fault.cut_before()
    sent: list[str] = []

    def fault(request: web.Request, _: int) -> Fault | None:
        if request.method == "POST" and request.path.endswith("/history"):
            sent.append(request.path)
            return lost
        return Fault.answer(503) if sent else None

    async with sources(account, tmp_path) as it:
        it.place.history |= {"conflict": "trakt"}
        await it.sync()
        it.place.discovr.person_removes(Key("MV_104"))
        it.place.discovr.faults = fault
        assert isinstance(await run(it, "migrate", is_narrow=True), str)
        assert sent
        it.place.discovr.faults = None
        account.add_play(account.find("Film 2"), it.clock.now())
        report = await it.sync()
        assert "film:1" in report.prepared.rest.titles
        assert [e.key for e in it.place.discovr.entries()].count(Key("MV_104")) == 1


async def test_a_kind_that_nobody_looks_at_is_there_all_the_same(
    tmp_path: Path,
) -> None:
    """Where Trakt leaves out a stamp, what there is of decides what is read."""
    account = Account([film(1), show(1, 4)])
    account.add_play(account.find("Film 1"), watched_on(1))
    account.add_play(account.find("Show 1"), watched_on(2), season=1, number=1)
    async with sources(account, tmp_path) as it:
        await it.sync()
        account.add_play(account.find("Show 1"), it.clock.now(), season=1, number=2)
        report = await it.sync()
        assert {*report.prepared.rest.titles} == {"film:1"}
        async with build(it.place.settings, clock=it.clock) as services:
            mark = await services.ledger.get_fact(report.prepared.profile, WATERMARK)
        assert mark["kinds"] == ["film", "show"]


async def test_what_an_earlier_version_put_since_is_noticed(tmp_path: Path) -> None:
    def put(it: Sources) -> None:
        """Have an older program add a play to a title, and leave its sums."""
        with closing(sqlite3.connect(it.place.folder / "state.sqlite3")) as database:
            change = """UPDATE t2d_title SET sums = json_set(sums, '$[2]', 9)
                WHERE title = 'show:1'"""
            database.execute(change)
            database.commit()
        watch_a_film(it)

    async with twins(tmp_path) as both:
        report = await both.go_on(put)
        assert not isinstance(report, str)
        assert not report.prepared.rest.titles
        report = await both.go_on(watch_a_film)
        assert not isinstance(report, str)
        assert report.prepared.rest.titles


async def test_a_run_looks_at_what_changed_and_at_what_is_not_settled(
    tmp_path: Path,
) -> None:
    account, own = mixed_account()
    async with sources(account, tmp_path) as it:
        for mark in own:
            it.place.discovr.person_adds(mark.key, progress=mark.progress, at=mark.at)
        await it.sync()
        account.add_play(account.find("Show 2"), it.clock.now(), season=2, number=1)
        report = await it.sync()
        looked_at = {h.title.name for h in report.prepared.known.values()}
        # What the person has, a special, and a film without an id are always.
        assert looked_at == {"Show 2", "Film 3", "Film 9", "Show 3"}
        assert {*report.prepared.rest.titles} == {
            "film:1",
            "film:2",
            "film:4",
            "show:1",
        }
        assert report.balance()[0].read == len(account.plays)
        # Nothing of films is listed where a show alone moved.
        assert "/sync/watched/movies" not in " ".join(it.trakt)


async def test_what_an_earlier_version_kept_is_summed_up_once(tmp_path: Path) -> None:
    account, _ = mixed_account()
    async with sources(account, tmp_path) as it:
        await it.sync()
        with closing(sqlite3.connect(tmp_path / "state.sqlite3")) as database:
            database.execute("UPDATE t2d_title SET sums = NULL")
            database.commit()
        account.add_play(account.find("Film 4"), it.clock.now())
        assert not (await it.sync()).prepared.rest.titles
        account.add_play(account.find("Film 4"), it.clock.now())
        assert len((await it.sync()).prepared.rest.titles) > 3


async def test_a_title_under_the_id_of_another_has_both_looked_at(
    tmp_path: Path,
) -> None:
    def watch_it(it: Sources) -> None:
        it.account.add_play(it.account.find("Film 77"), it.clock.now())

    async with twins(tmp_path, under_one_id()) as both:
        for _ in range(2):
            report = await both.go_on(watch_it)
            assert not isinstance(report, str)
            assert not {"film:1", "film:77"} & report.prepared.rest.titles.keys()
            assert len(report.prepared.rest.titles) > 2
