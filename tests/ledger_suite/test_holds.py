"""Who holds a profile, and whether a run that was cut off from it can tell."""

from __future__ import annotations

import asyncio
import inspect
import threading
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.writes import Outcome
from sync.ledger import BusyError, Holder, Ledger, StateError
from sync.ledger.backend import Mode
from sync.ledger.hold import FRESH_S, TAKE_OVER_S
from sync.ledger.records import CachedShow
from tests.clocks import FakeClock
from tests.ledger_suite.factories import AT, PROFILE, later, make_operations
from tests.ledger_suite.statements import statements_of, watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    from sync.ledger.hold import Hold
    from tests.postgres import PostgresServer


class TwoClocks(FakeClock):
    """A steady clock and a wall clock that need not agree."""

    offset = timedelta()

    def now(self) -> datetime:
        return super().now() + self.offset


def lock(
    ledger: Ledger, clock: FakeClock, profile: str = PROFILE
) -> AbstractAsyncContextManager[Hold]:
    return ledger.profile_lock(profile, command="migrate", at=AT, clock=clock)


def take_lock_files(folder: Path) -> None:
    for path in folder.glob("*.lock"):
        path.unlink()


@pytest.fixture
def cut_off(
    shared_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[[], None]:
    """What takes the lock from a run that knows nothing of it."""
    if shared_url.startswith("sqlite"):
        return partial(take_lock_files, tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.end_sessions


@asynccontextmanager
async def taken_over(
    url: str, cut: Callable[[], None], clock: FakeClock
) -> AsyncIterator[tuple[Ledger, Hold, int]]:
    """Have one run hold the profile, and another one take it from it."""
    async with await Ledger.open(url) as first, await Ledger.open(url) as second:
        run = await first.start_run(PROFILE, "migrate", AT)
        await first.intend(run, make_operations(2), AT)
        async with lock(first, clock) as hold:
            cut()
            other = second.profile_lock(
                PROFILE, command="sync", at=later(9), clock=FakeClock()
            )
            async with other:
                yield first, hold, run


def _writes(ledger: Ledger, run: int) -> dict[str, Any]:
    """Return a call of each method that writes."""
    one, two = make_operations(2)
    show = {"1": CachedShow([], AT, AT)}
    return {
        "start_run": partial(ledger.start_run, PROFILE, "x", AT),
        "finish_run": partial(ledger.finish_run, run, AT, "done", {}),
        "intend": partial(ledger.intend, run, make_operations(3), AT),
        "let_go": partial(ledger.let_go, PROFILE, make_operations(1), AT),
        "settle": partial(ledger.settle, run, [(one.id, Outcome.APPLIED, "")], AT),
        "mark_undone": partial(ledger.mark_undone, run, [two.id], AT),
        "put_facts": partial(ledger.put_facts, PROFILE, {"a": 1}, AT),
        "delete_fact": partial(ledger.delete_fact, PROFILE, "a"),
        "put_shows": partial(ledger.put_shows, "trakt", show),
        "put_histories": partial(ledger.put_histories, PROFILE, [], {"b": 1}, AT),
        "put_unreadable": partial(
            getattr(ledger, "put_unreadable", ledger.put_histories), PROFILE, "", []
        ),
        "mark_reported": partial(
            getattr(ledger, "mark_reported", ledger.put_histories), PROFILE, "", [], AT
        ),
    }


async def test_no_write_of_a_run_that_was_replaced_is_accepted(
    shared_url: str, cut_off: Callable[[], None]
) -> None:
    async with taken_over(shared_url, cut_off, FakeClock()) as (ledger, _, run):
        for name, write in _writes(ledger, run).items():
            if not hasattr(ledger, name):
                continue
            with pytest.raises(BusyError, match="taken the profile") as caught:
                await write()
            assert caught.value.holder == Holder.here("sync", later(9))
            assert "run it again" in caught.value.remedy
    async with await Ledger.open(shared_url) as after:
        assert [row.outcome for row in await after.rows(PROFILE)] == [
            Outcome.PENDING,
            Outcome.PENDING,
        ]
        assert len(await after.runs(PROFILE)) == 1
        assert await after.get_facts(PROFILE) == {}


def test_every_write_to_the_ledger_is_tried_there() -> None:
    ledger = Ledger("sqlite://")
    methods = inspect.getmembers(Ledger, inspect.iscoroutinefunction)
    reads = {"open", "close", "describe", "check", "check_free", "put_fact", "put_show"}
    reads.add("unsettled")
    written = {
        name
        for name, method in methods
        if not name.startswith("_")
        and name not in reads
        and "Mode.READ" not in inspect.getsource(inspect.unwrap(method)).split("def")[0]
    }
    assert written <= _writes(ledger, 1).keys()


@pytest.mark.parametrize("steady_s", [0, FRESH_S, 3600])
@pytest.mark.parametrize("wall_s", [0, FRESH_S, 3600, -60])
async def test_after_a_stall_on_either_clock_it_is_told_before_it_sends(
    shared_url: str, cut_off: Callable[[], None], steady_s: float, wall_s: float
) -> None:
    clock = TwoClocks()
    async with taken_over(shared_url, cut_off, clock) as (_, hold, _run):
        clock.advance(steady_s)
        clock.offset = timedelta(seconds=wall_s - steady_s)
        if not (steady_s or wall_s):
            await hold.confirm()
            return
        for _ in range(2):
            with pytest.raises(BusyError, match="taken the profile"):
                await hold.confirm()


async def test_a_moment_is_too_short_for_another_run_to_begin(
    shared_url: str, cut_off: Callable[[], None]
) -> None:
    clock, others = FakeClock(), FakeClock()
    async with (
        await Ledger.open(shared_url) as first,
        await Ledger.open(shared_url) as second,
        lock(first, clock) as hold,
    ):
        await hold.confirm()
        cut_off()
        async with lock(second, others):
            clock.advance(others.monotonic())
            with pytest.raises(BusyError):
                await hold.confirm()
    assert others.slept == [TAKE_OVER_S]
    assert TAKE_OVER_S > FRESH_S


async def test_a_profile_that_was_given_back_is_not_waited_for(url: str) -> None:
    clock = FakeClock()
    async with await Ledger.open(url) as ledger:
        for _ in range(3):
            async with lock(ledger, clock):
                pass
    assert clock.slept == []


async def test_a_holder_whose_process_has_ended_is_not_waited_for(
    shared_url: str, cut_off: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    async with (
        await Ledger.open(shared_url) as first,
        await Ledger.open(shared_url) as second,
        lock(first, clock),
    ):
        cut_off()
        monkeypatch.setattr(Holder, "is_gone", property(lambda _: True))
        async with lock(second, clock):
            pass
    assert clock.slept == []


def test_only_an_ended_process_of_this_machine_is_known_to_be_gone() -> None:
    here = Holder.here("migrate", AT)
    assert not here.is_gone
    gone = Holder(here.host, 2**22 + 1, "migrate", AT)
    assert gone.is_gone
    assert not Holder("elsewhere", gone.pid, "migrate", AT).is_gone
    assert not Holder(here.host, 2**80, "migrate", AT).is_gone


async def test_the_database_is_not_asked_twice_in_a_moment(url: str) -> None:
    clock = FakeClock()
    async with await Ledger.open(url) as ledger, lock(ledger, clock) as hold:
        statements = await statements_of(ledger)
        for _ in range(100):
            await hold.confirm()
        assert statements == []
        clock.advance(FRESH_S)
        for _ in range(100):
            await hold.confirm()
        asked = len(statements)
        assert 0 < asked <= 3


async def test_a_write_to_the_ledger_is_a_look_too(url: str) -> None:
    clock = FakeClock()
    async with await Ledger.open(url) as ledger, lock(ledger, clock) as hold:
        clock.advance(FRESH_S)
        await ledger.start_run(PROFILE, "migrate", AT)
        statements = await statements_of(ledger)
        await hold.confirm()
        assert statements == []


async def test_a_look_that_takes_long_is_none(file_url: str) -> None:
    clock = FakeClock()
    async with await Ledger.open(file_url) as ledger, lock(ledger, clock) as hold:
        delays = [FRESH_S, FRESH_S, 0]
        await watch(ledger, lambda _: clock.advance(delays.pop(0) if delays else 0))
        clock.advance(FRESH_S)
        await hold.confirm()
        assert delays == []
        await watch(ledger, lambda _: clock.advance(FRESH_S))
        clock.advance(FRESH_S)
        with pytest.raises(StateError, match="takes too long"):
            await hold.confirm()


async def test_nothing_is_confirmed_once_the_profile_was_given_back(url: str) -> None:
    async with await Ledger.open(url) as ledger:
        async with lock(ledger, FakeClock()) as hold:
            await hold.confirm()
        with pytest.raises(StateError, match="not held any more"):
            await hold.confirm()


async def test_who_was_replaced_frees_nothing_of_the_next(
    shared_url: str, cut_off: Callable[[], None]
) -> None:
    clock = FakeClock()
    async with (
        await Ledger.open(shared_url) as first,
        await Ledger.open(shared_url) as second,
        await Ledger.open(shared_url) as third,
        AsyncExitStack() as next_run,
    ):
        async with lock(first, clock):
            cut_off()
            other = second.profile_lock(
                PROFILE, command="sync", at=later(9), clock=FakeClock()
            )
            hold = await next_run.enter_async_context(other)
        with pytest.raises(BusyError) as caught:
            await third.check_free(PROFILE)
        assert caught.value.holder == Holder.here("sync", later(9))
        await second.put_fact(PROFILE, "a", 1, AT)
        await hold.confirm()
        # Nor did it note that the next one had given the profile back.
        cut_off()
        async with lock(third, clock):
            assert clock.slept == [TAKE_OVER_S]


async def test_a_session_that_lost_its_locks_says_so(postgres_url: str) -> None:
    # As a pooler does between two of its clients.
    clock = FakeClock()
    async with await Ledger.open(postgres_url) as ledger, lock(ledger, clock) as hold:
        discard = partial(_discard, ledger)
        await ledger._in_thread(discard)
        clock.advance(FRESH_S)
        for _ in range(2):
            with pytest.raises(StateError, match="behind a pooler"):
                await hold.confirm()


def _discard(ledger: Ledger) -> None:
    with ledger._database._engine.begin() as connection:
        connection.exec_driver_sql("SELECT pg_advisory_unlock_all()")


@pytest.mark.parametrize("is_taken_over", [True, False])
async def test_a_session_that_ends_within_a_write_says_what_went_with_it(
    postgres: PostgresServer, postgres_url: str, *, is_taken_over: bool
) -> None:
    clock = FakeClock()
    async with (
        await Ledger.open(postgres_url) as ledger,
        await Ledger.open(postgres_url) as other,
        AsyncExitStack() as next_run,
        lock(ledger, clock),
    ):
        database = ledger._database

        def write() -> None:
            with database.transaction(Mode.DURABLE) as connection:
                ended.set()
                goes_on.wait()
                connection.exec_driver_sql("SELECT 1")

        ended, goes_on = threading.Event(), threading.Event()
        writing = asyncio.create_task(ledger._in_thread(write))
        await asyncio.to_thread(ended.wait)
        postgres.end_sessions()
        if is_taken_over:
            await next_run.enter_async_context(lock(other, FakeClock()))
        goes_on.set()
        words = "taken the profile" if is_taken_over else "with it the lock"
        with pytest.raises((BusyError, StateError), match=words):
            await writing
