from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from sync.ledger import BusyError, Holder, Ledger, StateError
from sync.ledger.backend import Mode
from sync.ledger.database import Database
from sync.ledger.sqlite import FileProfileLock, LocalProfileLock
from tests.ledger_suite.factories import AT, PROFILE, later, make_operations

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from sync.ledger.hold import Hold
    from tests.postgres import PostgresServer


def lock(ledger: Ledger, profile: str = PROFILE) -> AbstractAsyncContextManager[Hold]:
    return ledger.profile_lock(profile, command="migrate", at=AT)


def only(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


async def test_a_profile_is_held_once_and_free_afterwards(ledger: Ledger) -> None:
    async with lock(ledger):
        with pytest.raises(BusyError) as caught:
            await lock(ledger).__aenter__()
        assert caught.value.holder == Holder.here("migrate", AT)
    async with lock(ledger):
        await ledger.start_run(PROFILE, "migrate", AT)


async def test_another_profile_is_free(ledger: Ledger) -> None:
    async with lock(ledger), lock(ledger, "p-2"):
        await ledger.start_run(PROFILE, "migrate", AT)


async def test_two_ledgers_of_one_process_exclude_each_other(shared_url: str) -> None:
    async with (
        await Ledger.open(shared_url) as first,
        await Ledger.open(shared_url) as second,
    ):
        async with lock(first):
            with pytest.raises(BusyError):
                await lock(second).__aenter__()
            async with lock(second, "p-2"):
                pass
        async with lock(second):
            pass


async def test_a_failing_run_frees_the_profile(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError, match="broken"):
        async with lock(ledger):
            raise RuntimeError("broken")
    async with lock(ledger):
        pass


async def test_a_cancelled_wait_for_the_lock_does_not_keep_it(ledger: Ledger) -> None:
    waiting = asyncio.create_task(lock(ledger).__aenter__())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with lock(ledger):
        pass


async def test_a_run_cancelled_twice_frees_the_profile(ledger: Ledger) -> None:
    thread_is_free = threading.Event()

    async def run() -> None:
        async with lock(ledger):
            is_held.set()
            await asyncio.Event().wait()

    is_held = asyncio.Event()
    running = asyncio.create_task(run())
    await is_held.wait()
    busy = asyncio.create_task(ledger._in_thread(thread_is_free.wait))
    for _ in range(2):
        await asyncio.sleep(0)
        running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    thread_is_free.set()
    await busy
    async with lock(ledger):
        pass


async def test_who_holds_a_lock_may_be_unreadable(
    file_url: str, tmp_path: Path
) -> None:
    async with (
        await Ledger.open(file_url) as first,
        await Ledger.open(file_url) as second,
        lock(first),
    ):
        holder = only(tmp_path, "*.holder")
        for content in ("", "[]", "{}", '{"since": "x"}'):
            holder.write_text(content)
            with pytest.raises(
                BusyError, match=r"holds the profile p-1\. Wait"
            ) as caught:
                await lock(second).__aenter__()
            assert caught.value.holder is None


async def test_a_lock_file_that_cannot_be_written_says_so(
    file_url: str, tmp_path: Path
) -> None:
    async with await Ledger.open(file_url) as ledger:
        async with lock(ledger):
            lock_file = only(tmp_path, "*.lock")
        lock_file.unlink()
        lock_file.mkdir()
        with pytest.raises(StateError, match=r"lock file .* cannot be written"):
            await lock(ledger).__aenter__()


async def test_a_holder_that_cannot_be_written_leaves_the_profile_free(
    file_url: str, tmp_path: Path
) -> None:
    async with await Ledger.open(file_url) as ledger:
        async with lock(ledger):
            holder = only(tmp_path, "*.holder")
        holder.mkdir()
        with pytest.raises(StateError, match="cannot be written"):
            await lock(ledger).__aenter__()
        holder.rmdir()
        async with lock(ledger):
            pass


async def test_no_write_is_accepted_once_the_lock_went_with_its_session(
    postgres: PostgresServer, postgres_url: str
) -> None:
    async with await Ledger.open(postgres_url) as ledger:
        run = await ledger.start_run(PROFILE, "migrate", AT)
        async with lock(ledger), lock(ledger, "p-2"):
            postgres.end_sessions()
            for _ in range(2):
                with pytest.raises(StateError, match="with it the lock"):
                    await ledger.intend(run, make_operations(1), later(1))
        assert await ledger.rows(PROFILE) == []
        async with lock(ledger):
            await ledger.intend(run, make_operations(1), later(2))


async def test_a_run_that_lost_its_lock_does_not_unmake_the_next_holder(
    postgres: PostgresServer, postgres_url: str
) -> None:
    async with (
        await Ledger.open(postgres_url) as first,
        await Ledger.open(postgres_url) as second,
        AsyncExitStack() as later_run,
    ):
        async with lock(first):
            postgres.end_sessions()
            later_lock = second.profile_lock(PROFILE, command="sync", at=later(9))
            await later_run.enter_async_context(later_lock)
        with pytest.raises(BusyError) as caught:
            await lock(first).__aenter__()
        assert caught.value.holder == Holder.here("sync", later(9))


async def test_a_session_lost_between_two_runs_is_opened_again(
    postgres: PostgresServer, postgres_url: str
) -> None:
    async with await Ledger.open(postgres_url) as ledger:
        postgres.end_sessions()
        assert await ledger.rows(PROFILE) == []


def test_who_is_frozen_within_a_transaction_keeps_nobody_out_for_long(
    postgres: PostgresServer, postgres_url: str
) -> None:
    database = Database(postgres_url)
    bound = "idle_in_transaction_session_timeout"

    def freeze() -> None:
        with database.plain(Mode.READ) as sender:
            sender.rows(f"SET LOCAL {bound} TO '20ms'")
            postgres.execute("SELECT pg_sleep(0.2)")
            sender.rows("SELECT 1")

    try:
        with database.plain(Mode.READ) as sender:
            assert sender.rows(f"SHOW {bound}") == [("1min",)]
        with pytest.raises(StateError) as found:
            freeze()
        assert found.value.is_passing
        with database.plain(Mode.READ) as sender:
            assert sender.rows("SELECT 1") == [(1,)]
    finally:
        database.close()


def test_a_look_at_what_a_killed_run_left_keeps_nobody_out(tmp_path: Path) -> None:
    path, holder = tmp_path / "state", Holder.here("migrate", AT)
    (tmp_path / "state.holder").write_text("")
    looking, running = FileProfileLock(PROFILE, path), FileProfileLock(PROFILE, path)
    looking.check()
    running.acquire(holder)
    with pytest.raises(BusyError):
        looking.check()
    running.release()
    looking.acquire(holder)
    looking.release()


def test_a_lock_of_this_process_is_freed_by_who_took_it_alone() -> None:
    held: dict[str, Holder] = {}
    mine, other = LocalProfileLock(PROFILE, held), LocalProfileLock(PROFILE, held)
    mine.acquire(Holder.here("migrate", AT))
    other.release()
    assert held
    for _ in range(2):
        mine.release()
        assert not held
    other.acquire(Holder.here("sync", AT))
    mine.release()
    assert held
