"""What the ledger tells that no entry does, read back for a later run."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sync.domain.evidence import CLOCKS_APART, is_as_set
from sync.domain.origin import TRAKT
from sync.domain.plan import Action, Cover, Operation
from sync.domain.plays import Key, Place
from sync.domain.writes import Before, Outcome, Row
from sync.ledger import Ledger
from sync.pipeline.recovery import recall
from tests.factories import at, entry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

KEY, SEASON = Key("MV_1"), Key("TV_1", 1)
NOW = at(100)


def add(key: Key, day: float, *covers: Cover) -> Operation:
    return Operation(Action.ADD, key, at(day), covers=covers)


async def written(
    ledger: Ledger,
    operations: Sequence[Operation],
    *,
    unknown: Sequence[Operation] = (),
    before: Before | None = None,
    intended_at: datetime = NOW,
) -> int:
    run = await ledger.start_run("p", "migrate", intended_at)
    both = [*operations, *unknown]
    stood = dict.fromkeys((o.id for o in both), before or Before())
    await ledger.intend(run, both, intended_at, stood)
    settled = [(o.id, Outcome.APPLIED, "") for o in operations]
    settled += [(o.id, Outcome.UNKNOWN, "cut") for o in unknown]
    await ledger.settle(run, settled, intended_at)
    return run


async def test_what_a_default_was_written_for_is_known_without_any_catalogue() -> None:
    default = add(SEASON, 5, Cover(1, at(1)), Cover(2, at(2)))
    async with await Ledger.open("sqlite://") as ledger:
        run = await written(ledger, [default])
        recovery = await recall(ledger, "p", (), has_every_viewing=False)
        assert recovery.seasons[Place("TV_1", 1)].covers == {1, 2}
        await ledger.mark_undone(run, [default.id], at(101))
        recovery = await recall(ledger, "p", (), has_every_viewing=False)
        assert recovery.seasons == {}


async def test_zeros_that_were_taken_back_are_no_longer_ours() -> None:
    zero = Operation(Action.SET, Key("TV_1", 1, 3), at(5), progress=0)
    async with await Ledger.open("sqlite://") as ledger:
        run = await written(ledger, [zero])
        recovery = await recall(ledger, "p", (), has_every_viewing=False)
        assert recovery.seasons[Place("TV_1", 1)].zeros == {3}
        await ledger.mark_undone(run, [zero.id], at(101))
        assert await ledger.season_rows("p") == []


async def test_what_else_arrived_of_the_run_counts_before_what_may_have_arrived() -> (
    None
):
    """Merged repeats: two stand there, one of them the person's. The third is lost."""
    known, lost = add(KEY, 20), add(KEY, 10)
    there = [entry(KEY, at(20), imported=TRAKT.label, count=2)]
    async with await Ledger.open("sqlite://") as ledger:
        await written(ledger, [known], unknown=[lost], before=Before(1, at(5)))
        recovery = await recall(ledger, "p", there, has_every_viewing=True)
        assert [row.operation for row in recovery.unclear] == [lost]
        three = [entry(KEY, at(20), imported=TRAKT.label, count=3)]
        recovery = await recall(ledger, "p", three, has_every_viewing=True)
        assert [row.operation for row in recovery.arrived] == [lost]


async def test_what_had_gone_and_was_written_again_was_written_last() -> None:
    async with await Ledger.open("sqlite://") as ledger:
        await written(ledger, [add(KEY, 1), add(KEY, 2)])
        await written(ledger, [add(KEY, 1)], intended_at=at(200))
        recovery = await recall(ledger, "p", (), has_every_viewing=True)
        assert recovery.written == {KEY: [at(2), at(1)]}


def test_clocks_may_be_two_minutes_apart_and_no_more() -> None:
    operation = Operation(Action.SET, KEY, at(1))
    row = Row(1, "p", operation, Outcome.APPLIED, at(50), at(50), "", 30.0, at(2))
    for off, is_ours in (
        (timedelta(), True),
        (timedelta(minutes=2), True),
        (timedelta(minutes=-2), True),
        (timedelta(minutes=3), False),
        (timedelta(minutes=-3), False),
    ):
        assert is_as_set(entry(KEY, at(50) + off), row) is is_ours
    assert timedelta(minutes=2) == CLOCKS_APART
