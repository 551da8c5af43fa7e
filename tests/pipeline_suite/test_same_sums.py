"""The balance of an account that did not change is the same in every run."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.plays import Key
from tests.long import choose
from tests.pipeline_suite.test_move import migrate, squares, told
from tests.safety.accounts import mixed_account, watched_on
from tests.strangers_suite.test_sources import sources

if TYPE_CHECKING:
    from pathlib import Path

    from sync.domain.balance import Balance
    from sync.pipeline.result import Report
    from sync.sandbox.account.account import Account
    from tests.pipeline_suite.test_sync import Life

MODES = [*product(("latest", "all"), ("clean", "fewest", "off"))]


def watch_more(account: Account, random: Random) -> None:
    """Have some of it watched again: by the season, one by one, in one minute."""
    for name, season, episodes in (
        ("Show 1", 1, 4),
        ("Show 2", 1, 6),
        ("Show 2", 2, 3),
    ):
        title, day = account.find(name), random.uniform(30, 90)
        for number in range(1, episodes + 1):
            for _ in range(random.choice([0, 1, 1, 2])):
                at = watched_on(day, random.choice([0, number, 2_000 * number]))
                account.add_play(title, at, season=season, number=number)
    for number in range(1, 5):
        account.add_play(
            account.find(f"Film {number}"), watched_on(random.uniform(8, 90))
        )


def sums(total: Balance) -> dict[str, int]:
    """Return what has to stay: what is written in one run is there in the next."""
    assert total.is_even
    counts = {fate.value: number for fate, number in total.fates.items() if number}
    there = counts.pop("written", 0) + counts.pop("already_there", 0)
    return counts | {"there": there, "read": total.read, "repeats": total.repeats}


def check_titles(it: Life, report: Report) -> dict[str, Any]:
    """Check the balance of each title that was looked at, and return them."""
    _, titles = report.balance()
    for title, of_title in titles.items():
        assert of_title.read == len(it.account.plays_of(it.account.find(title.name)))
    return {title.name: sums(of_title) for title, of_title in titles.items()}


async def check_map(it: Life) -> None:
    """The map of the report counts as the whole move does."""
    data, _ = await told(it)
    dumped = data.move.balance.model_dump()
    assert squares(data) == {fate: dumped[fate] for fate in squares(data)}


@pytest.mark.parametrize("seed", choose(range(2), range(6), range(30)))
@pytest.mark.parametrize(("plays", "collapse"), MODES)
async def test_of_each_run_and_of_each_title(
    tmp_path: Path, plays: str, collapse: str, seed: int
) -> None:
    account, own = mixed_account()
    watch_more(account, Random(seed))  # noqa: S311  # the same every time
    async with sources(account, tmp_path) as it:
        it.place.history |= {"plays": plays, "collapse": collapse}
        for mark in own:
            it.place.discovr.person_adds(mark.key, progress=mark.progress, at=mark.at)
        first = await it.sync()
        before, titles = sums(first.balance()[0]), check_titles(it, first)
        assert before["read"] == len(account.plays)
        await check_map(it)
        idle = await it.sync()
        assert idle.prepared.is_unchanged
        assert sums(idle.balance()[0]) == before
        whole = await migrate(it)
        assert (sums(whole.balance()[0]), check_titles(it, whole)) == (before, titles)
        # Whatever else is watched, nothing else is counted otherwise for it.
        account.add_play(account.find("Film 4"), it.clock.now())
        part = await it.sync()
        assert part.prepared.since is not None
        after, seen = sums(part.balance()[0]), check_titles(it, part)
        assert [*seen] == ["Film 4"]
        is_repeat = after["repeats"] - before["repeats"]
        more = {"there": before["there"] + 1, "read": before["read"] + 1}
        assert after == before | more | {"repeats": before["repeats"] + is_repeat}
        assert is_repeat == (plays == "latest")
        await check_map(it)
        assert part.move
        for again in (await it.sync(), await migrate(it)):
            assert again.prepared.plan.operations == ()
            assert sums(again.balance()[0]) == after
            assert again.move
            assert again.move.balance == part.move.balance
        await check_map(it)


@pytest.mark.parametrize("is_removed", [True, False])
async def test_of_what_the_person_changed(tmp_path: Path, *, is_removed: bool) -> None:
    """What is kept is counted alike where only another title is looked at."""
    account, _ = mixed_account()
    film = account.find("Film 1")
    account.add_play(film, watched_on(40))
    async with sources(account, tmp_path) as it:
        it.place.history |= {"plays": "all"}
        await it.sync()
        if is_removed:
            it.place.discovr.person_removes(Key("MV_101"))
        else:
            it.place.discovr.person_sets(Key("MV_101"), 30, at=it.clock.now())
        it.clock.advance(8 * 86_400)
        whole = await it.sync()
        assert whole.prepared.since is None
        before = sums(whole.balance()[0])
        assert before["kept"]
        account.add_play(account.find("Film 4"), it.clock.now())
        after = sums((await it.sync()).balance()[0])
        more = {"there": before["there"] + 1, "read": before["read"] + 1}
        assert after == before | more
        await check_map(it)
