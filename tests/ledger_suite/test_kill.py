"""SIGKILL: what was durable is there, what was not is gone whole, the lock is free."""

from __future__ import annotations

import re
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import psycopg
import pytest

from sync.ledger import BusyError, Ledger, Outcome
from tests.ledger_suite.factories import AT, PROFILE, later, make_operations
from tests.ledger_suite.processes import read_line, victim

if TYPE_CHECKING:
    from tests.postgres import PostgresServer


async def test_committed_rows_outlive_a_kill(shared_url: str) -> None:
    with victim("hold", shared_url) as process:
        assert read_line(process) == "ready"
    async with await Ledger.open(shared_url) as ledger:
        rows = await ledger.unsettled(PROFILE)
        assert [row.operation for row in rows] == make_operations(3)
        (run,) = await ledger.runs(PROFILE)
        assert run.finished_at is None


@pytest.mark.parametrize("acknowledged", [1, 30])
async def test_a_kill_in_the_middle_leaves_whole_groups(
    shared_url: str, acknowledged: int
) -> None:
    with victim("write", shared_url) as process:
        for _ in range(acknowledged):
            durable = int(read_line(process))
    async with await Ledger.open(shared_url) as ledger:
        rows = await ledger.rows(PROFILE, outcome=Outcome.PENDING)
    assert len(rows) >= durable
    assert len(rows) % 5 == 0
    assert [row.operation for row in rows] == make_operations(5000)[: len(rows)]


async def test_a_held_profile_is_refused_and_says_who_holds_it(shared_url: str) -> None:
    async with await Ledger.open(shared_url) as ledger:
        with victim("hold", shared_url) as process:
            read_line(process)
            with pytest.raises(BusyError) as caught:
                await ledger.profile_lock(
                    PROFILE, command="sync", at=later(9)
                ).__aenter__()
            pid = process.pid
        holder = caught.value.holder
        assert holder is not None
        assert (holder.host, holder.pid) == (socket.gethostname(), pid)
        assert (holder.command, holder.since) == ("migrate", AT)
        assert re.search(
            rf"profile p-1: migrate, process {pid} on .*, since 2026-03-01 12:30:15",
            str(caught.value),
        )


async def test_a_lock_of_a_killed_process_is_free(file_url: str) -> None:
    async with await Ledger.open(file_url) as ledger:
        with victim("hold", file_url) as process:
            read_line(process)
        async with ledger.profile_lock(PROFILE, command="sync", at=AT):
            await ledger.start_run(PROFILE, "sync", AT)


async def test_a_lock_of_a_killed_process_is_free_on_postgresql(
    postgres: PostgresServer, postgres_url: str
) -> None:
    async with await Ledger.open(postgres_url) as ledger:
        with victim("hold", postgres_url) as process:
            read_line(process)
            key = _advisory_key(postgres_url)
        with psycopg.connect(postgres_url) as connection:
            # The server needs a moment to notice; this waits for exactly that.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [key])
        async with ledger.profile_lock(PROFILE, command="sync", at=AT):
            await ledger.start_run(PROFILE, "sync", AT)


def _advisory_key(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks "
            "WHERE locktype = 'advisory' AND granted AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchone()
    if row is None:
        raise LookupError("nobody holds an advisory lock")
    return int(row[0])


async def test_processes_that_open_a_new_database_at_once_all_succeed(
    shared_url: str,
) -> None:
    with ExitStack() as stack:
        processes = [stack.enter_context(victim("open", shared_url)) for _ in range(3)]
        assert [read_line(process) for process in processes] == ["ready"] * 3
    async with await Ledger.open(shared_url) as ledger:
        assert len(await ledger.runs(PROFILE)) == 3
