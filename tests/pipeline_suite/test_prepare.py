"""What is looked for before anything is planned."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.plan import Action, Operation
from sync.domain.plays import Key, Place
from sync.domain.writes import Outcome
from sync.ledger import Ledger
from sync.ledger.fact_names import ENTRIES
from sync.pipeline import prepare
from sync.pipeline.missing import look_again
from sync.wiring.bootstrap import build
from tests.factories import at, entry
from tests.pipeline_suite.test_sync import life
from tests.safety.accounts import film, watched_on

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


async def test_what_would_be_added_is_looked_for_where_the_list_is_short_and_only_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_for: list[set[Place]] = []

    async def look(*args: Any, suspects: Collection[Place], **options: Any) -> Any:
        looked_for.append({*suspects})
        return await look_again(*args, suspects=suspects, **options)

    async def expect(number: int, *_: Any) -> int:
        return number

    async with life(tmp_path) as it:
        new = film(50)
        it.account.titles.append(new)
        it.account.add_play(new, it.clock.now())
        # This one stands there: it would be set.
        it.place.discovr.person_sets(Key("MV_102"), 40, at=watched_on(0))
        it.account.add_play(it.account.find("Film 2"), it.clock.now())
        monkeypatch.setattr(prepare, "look_again", look)
        standing = len(it.entries())
        for number in (standing - 1, standing, standing + 1):
            monkeypatch.setattr(prepare, "count_expected", partial(expect, number))
            async with build(it.place.settings, clock=it.clock, is_dry=True) as run:
                await prepare.prepare(run, is_dry=True)
    # A season under a default is looked at too: without dates, all of it may be new.
    assert looked_for == [set(), set(), {Place("MV_150", None), Place("TV_201", 1)}]


async def test_what_stands_there_at_least_is_what_a_run_saw_less_what_went_since() -> (
    None
):
    async with await Ledger.open("sqlite://") as ledger:
        services: Any = SimpleNamespace(ledger=ledger)
        assert await prepare.count_expected(services, "p") == 0
        fact = {"count": 7, "at": at(5).isoformat()}
        await ledger.put_fact("p", ENTRIES, fact, at(5))
        assert await prepare.count_expected(services, "p") == 7
        run = await ledger.start_run("p", "migrate", at(1))
        operations = [Operation(Action.ADD, Key(f"MV_{n}"), at(n)) for n in (1, 2)]
        await ledger.intend(run, operations, at(1))
        settled = [(o.id, Outcome.APPLIED, "") for o in operations]
        await ledger.settle(run, settled, at(1))
        await ledger.mark_undone(run, [operations[0].id], at(4))
        assert await prepare.count_expected(services, "p") == 7
        await ledger.mark_undone(run, [operations[1].id], at(6))
        assert await prepare.count_expected(services, "p") == 6


@pytest.mark.parametrize(
    ("expected", "listed", "seen", "lacking"),
    [(0, 5, 5, 0), (7, 5, 5, 2), (7, 5, 7, 2), (3, 5, 6, 1), (4, 5, 5, 0)],
)
def test_a_list_lacks_what_is_expected_or_what_titles_added(
    expected: int, listed: int, seen: int, lacking: int
) -> None:
    short, full = ([entry("MV_1")] * n for n in (listed, seen))
    assert prepare.count_lacking(expected, short, full) == lacking
