"""When the watermark moves, and when it must not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.desired import NO_ANSWER
from sync.domain.histories import TitleHistory
from sync.domain.plan import Fate
from sync.domain.plays import Ids, Key, title_key
from sync.ledger import Ledger
from sync.pipeline.checkpoint import _with_left_out, recall_checkpoint
from sync.sandbox.account.account import Account
from sync.sandbox.server.faults import Fault
from sync.sandbox.trakt.quirks import TraktQuirks
from tests import factories
from tests.pipeline_suite.test_sync import NOW, life
from tests.safety.accounts import film, mixed_account, show, watched_on
from tests.worlds import World, world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aiohttp import web

    from sync.pipeline.checkpoint import Checkpoint


async def checkpoint(place: World) -> Checkpoint | None:
    async with await Ledger.open(place.settings.state.url) as ledger:
        return await recall_checkpoint(place.settings, ledger)


async def test_a_reading_that_was_accepted_incomplete_settles_nothing(
    tmp_path: Path,
) -> None:
    account, _ = mixed_account()
    quirks = TraktQuirks(minimal_unavailable=404)
    async with world(account, tmp_path, trakt=quirks) as place:
        assert (await place.migrate(accept_incomplete=True)).is_complete
        assert await checkpoint(place) is None


async def test_a_catalogue_that_gave_no_answer_leaves_it_open(tmp_path: Path) -> None:
    account, _ = mixed_account()
    title = replace(film(60, has_tmdb=False), ids=Ids(trakt=60, imdb="tt0000060"))
    account.titles.append(title)
    account.add_play(title, watched_on(3))
    async with world(account, tmp_path) as place:

        def down(request: web.Request, _number: int) -> Fault | None:
            return Fault.answer(503) if "/find/" in request.path else None

        place.tmdb.faults = down
        report = await place.migrate()
        reasons = {left.reason for left in report.prepared.compared.desired.unmatched}
        assert NO_ANSWER in reasons
        assert await checkpoint(place) is None
        place.tmdb.faults = None
        await place.migrate()
        assert await checkpoint(place) is not None


async def test_the_weekly_reading_comes_though_there_is_news_every_day(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as it:
        whole = []
        for day in range(1, 10):
            title = film(50 + day)
            it.account.titles.append(title)
            it.clock.advance(timedelta(days=1).total_seconds())
            it.account.add_play(title, it.clock.now())
            report = await it.sync()
            assert Key(f"MV_{150 + day}") in it.completed()
            whole.append(report.prepared.since is None)
    assert whole.count(True) == 1


@pytest.mark.parametrize("collapse", ["clean", "fewest"])
async def test_with_every_catalogue_down_what_is_covered_is_not_written_again(
    tmp_path: Path, collapse: str
) -> None:
    account = Account([show(number, 6) for number in range(1, 6)])
    for day, title in enumerate(account.titles):
        for number in range(1, 7):
            account.add_play(title, watched_on(day, number), season=1, number=number)
    async with world(account, tmp_path, history={"collapse": collapse}) as place:
        await place.migrate()
        assert len(place.discovr.entries()) == len(account.titles)
        with closing(sqlite3.connect(tmp_path / "state.sqlite3")) as state:
            state.execute("DELETE FROM t2d_show")  # what was kept of the dates
            state.commit()
        place.tmdb.faults = lambda _request, _number: Fault.answer(404)
        place.trakt.faults = lambda request, _number: (
            Fault.answer(404) if "/seasons" in request.path else None
        )
        report = await place.migrate()
        assert report.prepared.plan.operations == ()
        assert report.is_complete


async def test_the_first_settled_run_says_when_it_read(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        found = await checkpoint(it.place)
        assert found is not None
        assert found.mark.reconciled_at >= NOW
        assert found.mark.entries == len(it.place.discovr.entries())


class _NeverWalked(dict[Key, Any]):
    """Everything that was watched: looked into, and not walked through."""

    def __iter__(self) -> Iterator[Key]:
        raise AssertionError("it was walked through for one title")

    keys = __iter__  # type: ignore[assignment]


def test_what_is_left_out_of_a_title_is_found_without_a_walk_through_all() -> None:
    title = factories.film(1)
    seen, left = Key("MV_1"), Key("MV_1", 1, 2)
    desired: Any = SimpleNamespace(
        aside={title_key(title): [seen[1:], left[1:]]},
        watched=_NeverWalked({seen: None}),
    )
    history = _with_left_out(TitleHistory(title, "MV_1", ()), desired)
    assert dict(history.fates) == {left: Fate.LEFT_OUT}
