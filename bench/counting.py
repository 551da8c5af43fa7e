"""Requests, counted where they arrive: at the stand-ins."""

from __future__ import annotations

import math
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.measure import Goal, Result, Row
from bench.page_server import PLAYS_A_SHOW
from bench.settings import settings_for
from sync import api
from sync.domain.plays import Ids, Kind
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.account.titles import CatalogueTitle, Episode, Season
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from sync.sandbox.server.server import utc_now
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.stand_in import TraktStandIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.measure import Noise
    from bench.sizes import Sizes
    from sync.config import Settings
    from sync.sandbox.account.account import Account

#: Syncs of the weekly show, an episode each.
WEEKS = 4
#: Everything is asked of Trakt, so that the bounds are those of the table.
_GENEROUS = TraktQuirks(get_limit=10_000)


class Counts(NamedTuple):
    """Requests of one run, by service; ``writes`` are among Discovr's.

    Trakt counts calls with a login and ``public`` ones apart, and limits each.
    """

    trakt: int
    discovr: int
    writes: int
    public: int


@dataclass(slots=True)
class Services:
    """Both services around one account, and settings that lead to them."""

    trakt: TraktStandIn
    discovr: DiscovrStandIn
    settings: Settings

    def take(self) -> Counts:
        """Return what was seen since the last time."""
        discovr = self.discovr.requests()
        writes = sum(
            seen.method != "GET" and seen.path.startswith("/profile/history")
            for seen in discovr
        )
        seen = self.trakt.seen
        public = sum(not one.has_login for one in seen)
        counts = Counts(len(seen), len(discovr), writes, public)
        self.trakt.seen.clear()
        self.discovr.seen.clear()
        return counts


async def run(sizes: Sizes, noise: Noise) -> Result:
    """Migrate accounts of several sizes, and sync the smallest afterwards."""
    noise.sample()
    rows: list[Row] = []
    for number, plays in enumerate(sizes.migrations):
        account = synthetic_account(plays, max(1, plays // PLAYS_A_SHOW))
        show = _weekly_show()
        account.titles.append(show)
        async with _services(account) as services:
            run, counted = await _count_migration(account, services)
            rows += counted
            if number == 0:
                rows += await _count_second_profile(services)
                rows += await _count_syncs(services, show)
            rows.append(await _count_undo(services, run))
    return Result(
        "requests",
        "counted at the stand-ins, against the most that the design allows",
        rows,
    )


@asynccontextmanager
async def _services(account: Account) -> AsyncIterator[Services]:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            TraktStandIn(account, quirks=_GENEROUS) as trakt,
            DiscovrStandIn(catalogue=account.titles) as discovr,
        ):
            settings = settings_for(
                trakt_url=trakt.url, discovr_url=discovr.url, folder=Path(folder)
            )
            yield Services(trakt, discovr, settings)


async def _count_undo(services: Services, run: int | None) -> Row:
    """Take the migration back, which shares its seasons with nothing but syncs."""
    undone = await api.undo(services.settings, run)
    counts = services.take()
    if undone.left_alone:
        raise RuntimeError("the undo that was counted left something")
    places = {key.place for key in undone.removed}
    writes = len(undone.removed)
    what = f"undo of {writes:,} writes in {len(places):,} films and seasons"
    most = writes + 2 * len(places) + 5
    return _row(f"{what}: to Discovr", counts.discovr, most)


async def _count_migration(
    account: Account, services: Services
) -> tuple[int | None, list[Row]]:
    before = len(services.discovr.entries())
    report = await api.migrate(services.settings)
    counts = services.take()
    if not report.is_complete:
        raise RuntimeError("the migration that was counted did not arrive")
    plays, after = len(account.plays), len(services.discovr.entries())
    shows = {play.title.trakt for play in account.plays if play.episode}
    keys = len(report.prepared.compared.desired.watched)
    to_trakt = 5 + math.ceil(plays / 250) + len(shows)
    # To see that a profile is empty takes a request as well.
    pages = max(1, math.ceil(before / 50)) + math.ceil(after / 50)
    to_discovr = 3 + pages + counts.writes
    what = f"migrate, {plays:,} plays of {len(shows):,} shows"
    note = f"one write per episode and film would be {keys:,}"
    signed_in = counts.trakt - counts.public
    budgets = f"{signed_in:,} with the login, {counts.public:,} without"
    return report.run, [
        _row(f"{what}: to Trakt", counts.trakt, to_trakt, budgets),
        _row(f"{what}: to Discovr", counts.discovr, to_discovr),
        _row(f"{what}: writes", counts.writes, keys, note),
        Row(f"{what}: writes saved", 100 * (1 - counts.writes / keys), "%"),
    ]


async def _count_second_profile(services: Services) -> list[Row]:
    """Carry the same account into another profile: the air dates are known by now."""
    settings = services.settings
    kids = settings.discovr.model_copy(update={"profile": "Kids"})
    report = await api.migrate(settings.model_copy(update={"discovr": kids}))
    counts = services.take()
    if not report.is_complete:
        raise RuntimeError("the second migration that was counted did not arrive")
    plays = len(services.trakt.account.plays)
    what = "the same into a second profile"
    return [
        _row(f"{what}: to Trakt", counts.trakt, 5 + math.ceil(plays / 250)),
        Row(f"{what}: writes", counts.writes, "requests"),
    ]


async def _count_syncs(services: Services, show: CatalogueTitle) -> list[Row]:
    account = services.trakt.account
    nothing = await _count_sync(services)
    rows = [
        _row("sync, nothing new: to Trakt", nothing.trakt, 1),
        _row("sync, nothing new: to Discovr", nothing.discovr, 0),
    ]
    for number in range(1, WEEKS + 1):
        account.add_play(
            show, utc_now() - timedelta(minutes=5), season=1, number=number
        )
        counts = await _count_sync(services)
        new = "one episode of a new show" if number == 1 else f"week {number} of it"
        rows += [
            # One page, one show, one season.
            _row(f"sync, {new}: to Trakt", counts.trakt, 5 + 1 + 1),
            _row(f"sync, {new}: to Discovr", counts.discovr, 1 + 1 + counts.writes),
        ]
    return rows


async def _count_sync(services: Services) -> Counts:
    report = await api.sync(services.settings)
    if not report.is_complete:
        raise RuntimeError("the sync that was counted did not arrive")
    return services.take()


def _weekly_show() -> CatalogueTitle:
    """Return a show of which an episode airs each week, up to this one."""
    number = 900_000
    first = utc_now() - timedelta(weeks=WEEKS)
    episodes = tuple(
        Episode(
            season=1,
            number=week,
            name=f"Week {week}",
            ids=Ids(trakt=10 * number + week),
            first_aired=first + timedelta(weeks=week, days=-3),
        )
        for week in range(1, WEEKS + 1)
    )
    return CatalogueTitle(
        kind=Kind.SHOW,
        name="A weekly show",
        ids=Ids(trakt=number, slug="a-weekly-show", tmdb=number),
        has_ended=False,
        seasons=(Season(1, Ids(trakt=number), episodes),),
    )


def _row(what: str, count: int, most: int, note: str = "") -> Row:
    return Row(what, count, "requests", goal=Goal("most", most), note=note)
