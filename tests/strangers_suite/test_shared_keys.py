"""Two titles, one key: nothing is collapsed where catalogues do not agree."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.sandbox.account.account import Account
from sync.transform.air_dates import SHARED
from tests.safety.accounts import show, watched_on
from tests.safety.reading import shown, watched
from tests.worlds import world

if TYPE_CHECKING:
    from pathlib import Path

    from sync.pipeline.result import Report
    from sync.sandbox.account.titles import CatalogueTitle

MEDIA = "TV_201"


def alias(number: int, episodes: int, name: str) -> CatalogueTitle:
    """Return a show of its own on Trakt, with the TMDB id of show 1."""
    title = show(number, episodes)
    return replace(title, name=name, ids=replace(title.ids, tmdb=201))


def shared_account(names: tuple[str, str], *episodes: int, seen: int) -> Account:
    """Watch so many episodes of the first of two shows, and the first of the other."""
    one, other = (
        alias(number, count, name)
        for number, (count, name) in enumerate(zip(episodes, names, strict=True), 1)
    )
    account = Account([one, other])
    for number in range(1, seen + 1):
        account.add_play(one, watched_on(number), season=1, number=number)
    account.add_play(other, watched_on(0), season=1, number=1)
    return account


def has_default(report: Report) -> bool:
    return any(o.is_default for o in report.prepared.plan.operations)


@pytest.mark.parametrize("names", [("A", "B"), ("B", "A")])
@pytest.mark.parametrize("has_tmdb", [True, False])
async def test_a_season_watched_3_of_10_becomes_no_default_over_10(
    tmp_path: Path, names: tuple[str, str], *, has_tmdb: bool
) -> None:
    account = shared_account(names, 3, 10, seen=3)
    async with world(account, tmp_path, has_tmdb=has_tmdb) as place:
        report = await place.migrate()
        assert report.is_complete
        assert not has_default(report)
        (note,) = report.prepared.plan.seasons
        assert note.reason == SHARED
        assert shown(account, place.discovr.entries()).maybe <= watched(account).keys()
        assert (await place.plan()).prepared.plan.operations == ()


async def test_where_all_agree_it_is_collapsed(tmp_path: Path) -> None:
    account = shared_account(("A", "B"), 4, 4, seen=4)
    async with world(account, tmp_path, has_tmdb=False) as place:
        assert has_default(await place.migrate())


async def test_where_one_gives_no_answer_nothing_is_collapsed(tmp_path: Path) -> None:
    account = shared_account(("A", "B"), 4, 4, seen=4)
    async with world(account, tmp_path, has_tmdb=False) as place:
        found = place.trakt._find_show
        gone = {"2"}

        def find(name: str) -> CatalogueTitle:
            return found("nothing" if name in gone else name)

        place.trakt._find_show = find  # type: ignore[method-assign]
        assert not has_default(await place.migrate())


async def test_a_play_that_one_of_two_titles_lacks_is_not_gone(tmp_path: Path) -> None:
    account = shared_account(("A", "B"), 4, 4, seen=4)
    async with world(account, tmp_path) as place:
        await place.migrate()
        twin = account.plays_of(account.find("B"))[0]
        account.remove_play(twin.id)
        report = await place.migrate()
        assert report.prepared.stale.keys == ()


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    one=st.integers(1, 6),
    other=st.integers(1, 6),
    seen=st.integers(1, 6),
    swaps=st.booleans(),
)
async def test_nothing_else_is_ever_shown(
    tmp_path_factory: pytest.TempPathFactory,
    one: int,
    other: int,
    seen: int,
    *,
    swaps: bool,
) -> None:
    """Law 2, whatever two shows of one id say of their episodes."""
    names = ("B", "A") if swaps else ("A", "B")
    account = shared_account(names, one, other, seen=min(seen, one))
    folder = tmp_path_factory.mktemp("shared")
    async with world(account, folder, has_tmdb=False) as place:
        await place.migrate()
        entries = place.discovr.entries()
        assert shown(account, entries).maybe <= watched(account).keys()
        assert watched(account).keys() <= shown(account, entries).surely
