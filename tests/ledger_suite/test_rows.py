from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from sync.domain.plan import Action, Cover, Operation
from sync.domain.plays import UNKNOWN_DATE, Key
from sync.ledger import Before, Ledger, Outcome, Row
from tests.ledger_suite.factories import (
    AT,
    PROFILE,
    later,
    make_operation,
    make_operations,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence


async def start(ledger: Ledger, operations: Sequence[Operation] = ()) -> int:
    run = await ledger.start_run(PROFILE, "migrate", AT)
    await ledger.intend(run, operations, later(1))
    return run


def ids(operations: Sequence[Operation]) -> list[str]:
    return [operation.id for operation in operations]


async def test_what_is_intended_comes_back_as_it_was(ledger: Ledger) -> None:
    covers = (Cover(1, AT - timedelta(days=9)), Cover(2**40, UNKNOWN_DATE))
    operations = [
        Operation(Action.ADD, Key("MV_603"), UNKNOWN_DATE),
        Operation(Action.ADD, Key("TV_1", 2**62, 2**62), AT, reason="späť \U0001f3ac"),
        Operation(Action.SET, Key("TV_1", 1, 0), AT, progress=0),
        Operation(Action.ADD, Key("TV_1", 3), AT, covers=covers, reason="all 2"),
        Operation(Action.ADD, Key("TV_1", 1, 1), datetime(1, 1, 1, tzinfo=UTC)),
        Operation(Action.ADD, Key("TV_1", 1, 1), datetime.max.replace(tzinfo=UTC)),
    ]
    run, before = await start(ledger), Before(12.5, AT)
    await ledger.intend(run, operations, later(1), {operations[2].id: before})
    assert await ledger.rows(PROFILE) == [
        Row(
            run=run,
            profile=PROFILE,
            operation=operation,
            outcome=Outcome.PENDING,
            intended_at=later(1),
            before_progress=12.5 if operation.action is Action.SET else None,
            before_at=AT if operation.action is Action.SET else None,
        )
        for operation in operations
    ]


async def test_a_time_in_another_zone_comes_back_in_utc(ledger: Ledger) -> None:
    local = AT.astimezone(timezone(timedelta(hours=-5)))
    run = await ledger.start_run(PROFILE, "migrate", local)
    await ledger.intend(run, [make_operation()], local)
    (row,) = await ledger.rows(PROFILE)
    assert row.intended_at == AT
    assert row.intended_at.tzinfo is UTC
    assert (await ledger.runs(PROFILE))[0].started_at.tzinfo is UTC


async def test_a_time_without_a_zone_is_refused(ledger: Ledger) -> None:
    with pytest.raises(Exception, match="without a time zone"):
        await ledger.start_run(PROFILE, "migrate", AT.replace(tzinfo=None))


async def test_text_that_no_database_can_hold_is_kept_as_far_as_it_goes(
    ledger: Ledger,
) -> None:
    operation = make_operation(reason="nul \0 half \ud83c end")
    run = await start(ledger, [operation])
    await ledger.settle(run, [(operation.id, Outcome.REJECTED, "\0\udfff")], later(2))
    (row,) = await ledger.rows(PROFILE)
    assert row.operation.reason == "nul \N{REPLACEMENT CHARACTER} half ? end"
    assert row.detail == "\N{REPLACEMENT CHARACTER}?"


async def test_settled_rows_carry_outcome_time_and_detail(ledger: Ledger) -> None:
    applied, rejected, unknown, pending = operations = make_operations(4)
    run = await start(ledger, operations)
    await ledger.settle(
        run,
        [
            (applied.id, Outcome.APPLIED, ""),
            (rejected.id, Outcome.REJECTED, "POST /profile/history answered 400."),
            (unknown.id, Outcome.UNKNOWN, "The connection was cut."),
        ],
        later(2),
    )
    rows = {row.operation: row for row in await ledger.rows(PROFILE)}
    assert rows[applied].outcome is Outcome.APPLIED
    assert rows[applied].settled_at == later(2)
    assert rows[rejected].detail == "POST /profile/history answered 400."
    assert rows[pending].settled_at is None
    unsettled = await ledger.unsettled(PROFILE)
    assert [row.operation for row in unsettled] == [unknown, pending]


async def test_unsettled_rows_of_all_runs_come_oldest_first(ledger: Ledger) -> None:
    first, second, third = make_operations(3)
    old = await ledger.start_run(PROFILE, "migrate", AT)
    new = await ledger.start_run(PROFILE, "sync", later(10))
    other = await ledger.start_run("p-2", "sync", later(10))
    await ledger.intend(new, [second, third], later(11))
    await ledger.intend(other, [first], later(1))
    await ledger.intend(old, [first], later(1))
    unsettled = await ledger.unsettled(PROFILE)
    assert [(row.run, row.operation) for row in unsettled] == [
        (old, first),
        (new, second),
        (new, third),
    ]


async def test_an_unknown_outcome_can_be_settled_in_a_later_run(ledger: Ledger) -> None:
    operation = make_operation()
    run = await start(ledger, [operation])
    await ledger.settle(run, [(operation.id, Outcome.UNKNOWN, "cut")], later(2))
    await ledger.start_run(PROFILE, "migrate", later(3))
    (row,) = await ledger.unsettled(PROFILE)
    found = (row.operation.id, Outcome.APPLIED, "found by reading back")
    await ledger.settle(row.run, [found], later(4))
    assert await ledger.unsettled(PROFILE) == []


async def test_to_intend_again_in_one_run_changes_nothing(ledger: Ledger) -> None:
    pending, unknown, applied = operations = make_operations(3)
    run = await start(ledger, operations)
    outcomes = [(unknown.id, Outcome.UNKNOWN, "cut"), (applied.id, Outcome.APPLIED, "")]
    await ledger.settle(run, outcomes, later(2))
    before = await ledger.rows(PROFILE)
    await ledger.intend(
        run, [*operations, *operations], later(3), {pending.id: Before(1.0)}
    )
    assert await ledger.rows(PROFILE) == before


async def test_a_rejected_write_is_pending_when_it_is_intended_again(
    ledger: Ledger,
) -> None:
    operation, other = make_operations(2)
    run = await start(ledger, [operation, other])
    await ledger.settle(run, [(operation.id, Outcome.REJECTED, "no")], later(2))
    await ledger.intend(run, [operation, other], later(3))
    again, untouched = sorted(
        await ledger.unsettled(PROFILE), key=lambda row: row.intended_at, reverse=True
    )
    assert again == Row(
        run=run,
        profile=PROFILE,
        operation=operation,
        outcome=Outcome.PENDING,
        intended_at=later(3),
    )
    assert (untouched.operation, untouched.intended_at) == (other, later(1))


async def test_the_same_write_has_a_row_in_each_run(ledger: Ledger) -> None:
    operation = make_operation()
    first, second = await start(ledger, [operation]), await start(ledger, [operation])
    await ledger.settle(second, [(operation.id, Outcome.APPLIED, "")], later(2))
    assert [row.run for row in await ledger.unsettled(PROFILE)] == [first]


async def test_rows_are_picked_by_run_outcome_and_title(ledger: Ledger) -> None:
    films = [make_operation(media=f"MV_{number}") for number in range(2500)]
    first = await start(ledger, films)
    second = await start(ledger, [make_operation()])
    await ledger.settle(first, [(films[7].id, Outcome.APPLIED, "")], later(2))
    applied = await ledger.rows(PROFILE, outcome=Outcome.APPLIED)
    assert [row.operation for row in applied] == [films[7]]
    assert [row.run for row in await ledger.rows(PROFILE, run=second)] == [second]
    assert await ledger.rows("p-2") == []
    assert await ledger.rows(PROFILE, media=[]) == []
    media = [film.key.media for film in films]
    picked = await ledger.rows(PROFILE, media=[*media, *media, "MV_none"])
    assert [row.operation for row in picked] == films


async def test_what_was_taken_back_is_marked(ledger: Ledger) -> None:
    operations = make_operations(3)
    run = await start(ledger, operations)
    await ledger.mark_undone(run, ids(operations[:2]), later(9))
    rows = await ledger.rows(PROFILE)
    assert [row.undone_at for row in rows] == [later(9), later(9), None]


async def test_empty_groups_are_welcome(ledger: Ledger) -> None:
    run = await start(ledger)
    await ledger.intend(run, [], AT)
    await ledger.settle(run, [], AT)
    await ledger.mark_undone(run, [], AT)
    assert await ledger.rows(PROFILE) == []


async def test_to_settle_what_was_never_intended_is_an_error_and_changes_nothing(
    ledger: Ledger,
) -> None:
    operation = make_operation()
    run = await start(ledger, [operation])
    outcomes = [(operation.id, Outcome.APPLIED, ""), ("nothing", Outcome.APPLIED, "")]
    with pytest.raises(LookupError):
        await ledger.settle(run, outcomes, later(2))
    assert [row.operation for row in await ledger.unsettled(PROFILE)] == [operation]


async def test_a_run_that_does_not_exist_is_an_error(ledger: Ledger) -> None:
    with pytest.raises(LookupError):
        await ledger.intend(4711, [make_operation()], AT)
    with pytest.raises(LookupError):
        await ledger.finish_run(4711, AT, "done", {})


async def test_a_group_larger_than_any_statement_goes_in_and_comes_back(
    file_url: str,
) -> None:
    operations = make_operations(3000)
    async with await Ledger.open(file_url) as ledger:
        run = await start(ledger, operations)
        outcomes = [(id_, Outcome.APPLIED, "") for id_ in ids(operations)]
        await ledger.settle(run, outcomes, later(2))
        rows = await ledger.rows(PROFILE, outcome=Outcome.APPLIED)
    assert [row.operation for row in rows] == operations


async def test_what_stands_beside_is_all_that_was_applied_and_is_not_there(
    ledger: Ledger,
) -> None:
    operations = make_operations(4)
    run = await start(ledger, operations)
    settled = [(o.id, Outcome.APPLIED, "") for o in operations[:3]]
    await ledger.settle(run, settled, later(2))
    await ledger.mark_undone(run, [operations[2].id], later(3))
    beside = await ledger.applied_beside(PROFILE, {operations[0].key})
    assert [row.operation for row in beside] == [operations[1]]


async def test_of_what_may_have_been_added_the_newest_that_weighs_most_is_told(
    ledger: Ledger,
) -> None:
    added = make_operations(6)
    zero = make_operation(7, action=Action.SET, progress=0)
    run = await start(ledger, [*added, zero])
    await ledger.settle(run, [(added[5].id, Outcome.REJECTED, "")], later(2))
    await ledger.settle(run, [(added[4].id, Outcome.APPLIED, "")], later(2))
    await ledger.mark_undone(run, ids([added[4]]), later(3))

    async def told(weights: Sequence[int]) -> Operation | None:
        by_id = dict(zip(ids(added), weights, strict=False))
        row = await ledger.added(PROFILE, lambda row: by_id[row.operation.id])
        return row.operation if row else None

    assert await told([0, 1, 2, 2]) == added[3]
    assert await told([0, 3, 2, 2]) == added[1]
    assert await ledger.added("another", lambda _: 0) is None


async def test_to_tell_what_weighs_most_takes_the_memory_of_a_few_rows(
    ledger: Ledger,
) -> None:
    async def peak(work: Awaitable[object]) -> int:
        tracemalloc.start()
        await work
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    await start(ledger, make_operations(5_000))
    of_all = await peak(ledger.rows(PROFILE))
    assert await peak(ledger.added(PROFILE, lambda _: 0)) < of_all / 4
